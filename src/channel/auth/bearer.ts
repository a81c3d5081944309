import type { IncomingMessage } from "node:http";
import { GranuleError } from "../../errors.js";
import { BEARER_SUBPROTOCOL_PREFIX } from "./bearer-subprotocol.js";

/**
 * The token that a request presents: `Authorization: Bearer`, or the entry of Sec-WebSocket-Protocol that a browser can
 * set. Never a query parameter: those end up in logs.
 * @throws UNAUTHENTICATED where there is an Authorization of another kind, or two tokens
 */
export function bearerToken({ headers }: IncomingMessage): string | undefined {
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const tokens = offered
    .filter((name) => name.startsWith(BEARER_SUBPROTOCOL_PREFIX))
    .map((name) => name.slice(BEARER_SUBPROTOCOL_PREFIX.length));
  if (headers.authorization !== undefined) {
    const match = /^Bearer +([^ ]+) *$/i.exec(headers.authorization);
    if (match?.[1] === undefined) throw new GranuleError("UNAUTHENTICATED", "expected `Authorization: Bearer TOKEN`");
    tokens.push(match[1]);
  }
  if (tokens.length > 1) throw new GranuleError("UNAUTHENTICATED", "more than one token was presented");
  return tokens[0];
}

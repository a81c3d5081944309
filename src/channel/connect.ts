import { type ClientOptions, WebSocket } from "ws";
import { GranuleError } from "../errors.js";
import { type ChannelClient, clientOf } from "./client.js";
import { type ChannelSocket, ClientConnection } from "./client-connection.js";
import type { ReconnectOptions } from "./client-link.js";
import { cannotConnect, refusedUpgrade } from "./connect-failure.js";
import { SUBPROTOCOLS } from "./frames.js";

export interface ConnectOptions {
  /** Bearer token, sent with the HTTP upgrade. */
  token?: string;
  /** PEM; for wss:// alone. `ca` in place of the authorities that node knows; `cert` and `key` are the client's own. */
  tls?: { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer };
  /** Ends the attempt to connect, not the connection. */
  signal?: AbortSignal;
  /** Longest wait for the server's hello; 10 seconds unless told. */
  timeoutMs?: number;
  /** `cbor` unless told; `json` for reading along. */
  encoding?: "cbor" | "json";
  /** Whether, or how, a lost connection is made again; true unless told. */
  reconnect?: boolean | ReconnectOptions;
}

// A listing of thousands of containers is one message.
const MAX_MESSAGE_BYTES = 64 << 20;

/**
 * Connects to a runtime that is served elsewhere: `unix:/run/granule/granule.sock`, `ws://host:port`, `wss://host`. A
 * connection that is lost later is made again: calls that were under way are repeated, done once all the same, and
 * subscriptions and logs go on behind what was read. What an exec or attach had open is lost with its connection.
 * Throws UNAVAILABLE (retryable) where nobody listens.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<ChannelClient> {
  const { signal, reconnect = true } = options;
  const first = await dial(url, options, signal);
  if (reconnect === false) return clientOf(first);
  return clientOf(first, (ending) => dial(url, options, ending), reconnect === true ? {} : reconnect);
}

async function dial(url: string, options: ConnectOptions, signal: AbortSignal | undefined): Promise<ClientConnection> {
  const { token, tls, timeoutMs = 10_000, encoding = "cbor" } = options;
  const address = webSocketAddress(url);
  if (token !== undefined) checkToken(url, token);
  const limit = AbortSignal.timeout(timeoutMs);
  const socket = open(address, SUBPROTOCOLS[encoding === "cbor" ? 0 : 1], {
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout: timeoutMs,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...tls,
  });
  // A message of the WebSocket cannot be lost between its upgrade and the first listener: it is set in this turn.
  let failure: GranuleError | undefined;
  socket.on("error", (error) => {
    failure ??= GranuleError.from(error, "UNAVAILABLE");
  });
  // With a listener for it, ws leaves the response to us.
  socket.on("unexpected-response", (_request, response) => {
    void refusedUpgrade(url, response).then((error) => {
      failure ??= error;
      socket.terminate();
    });
  });
  const giveUp = (): void => socket.terminate();
  limit.addEventListener("abort", giveUp);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await ClientConnection.open(socket as unknown as ChannelSocket);
  } catch (error) {
    if (signal?.aborted) throw new GranuleError("CANCELLED", "connecting was cancelled", { cause: signal.reason });
    if (limit.aborted) throw cannotConnect(url, `no hello within ${timeoutMs} ms`, failure);
    const found = failure ?? GranuleError.from(error);
    throw found.code === "UNAVAILABLE" ? cannotConnect(url, found.message, found) : found;
  } finally {
    limit.removeEventListener("abort", giveUp);
    signal?.removeEventListener("abort", giveUp);
  }
}

function open(address: string, subprotocol: string, options: ClientOptions): WebSocket {
  try {
    return new WebSocket(address, [subprotocol], options);
  } catch (cause) {
    // A certificate or key that is none is found out here.
    throw new GranuleError("INVALID_ARGUMENT", `cannot connect like this: ${(cause as Error).message}`, { cause });
  }
}

function webSocketAddress(url: string): string {
  // The path of the request stands behind a colon; a colon in the socket's own path would be taken for it.
  if (url.startsWith("unix:")) {
    const path = url.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (path.startsWith("/") && !path.includes(":")) return `ws+unix:${path}:/`;
    throw new GranuleError("INVALID_ARGUMENT", `not an absolute socket path without a colon: ${path}`);
  }
  if (/^wss?:\/\//.test(url)) return url;
  throw new GranuleError("INVALID_ARGUMENT", `not a channel address: ${url}`, {
    hint: "use unix:/path/to/granule.sock, ws://host:port or wss://host",
  });
}

/** A token is as good as a password: it goes nowhere that others can read it. */
function checkToken(url: string, token: string): void {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new GranuleError(
      "INVALID_ARGUMENT",
      "the token is not one: it has spaces or other strange characters, or none",
    );
  }
  if (!url.startsWith("ws://")) return;
  const host = new URL(url).hostname;
  if (host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host)) return;
  throw new GranuleError("INVALID_ARGUMENT", `ws:// would show the token to the network between here and ${host}`, {
    hint: "use wss://",
  });
}

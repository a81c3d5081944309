/** Begins an entry of Sec-WebSocket-Protocol that carries a token. The server never chooses it as the protocol. */
export const BEARER_SUBPROTOCOL_PREFIX = "granule.bearer.";

/**
 * A subprotocol entry that presents a token, for browsers, which cannot set headers:
 * `new WebSocket(url, [...SUBPROTOCOLS, bearerSubprotocol(token)])`.
 */
export function bearerSubprotocol(token: string): string {
  return BEARER_SUBPROTOCOL_PREFIX + token;
}

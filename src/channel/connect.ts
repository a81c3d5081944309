import { WebSocket } from "ws";
import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { openChannel } from "./client.js";
import type { ChannelSocket } from "./client-connection.js";
import { SUBPROTOCOLS } from "./frames.js";

export interface ConnectOptions {
  /** Bearer token, sent with the HTTP upgrade. */
  token?: string;
  /** Ends the attempt to connect, not the connection. */
  signal?: AbortSignal;
  /** Longest wait for the server's hello; 10 seconds unless told. */
  timeoutMs?: number;
  /** `cbor` unless told; `json` for reading along. */
  encoding?: "cbor" | "json";
}

// A listing of thousands of containers is one message.
const MAX_MESSAGE_BYTES = 64 << 20;

/**
 * Connects to a runtime that is served elsewhere: `unix:/run/granule/granule.sock`, `ws://host:port`, `wss://host`.
 * Throws UNAVAILABLE (retryable) where nobody listens.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Runtime> {
  const { token, signal, timeoutMs = 10_000, encoding = "cbor" } = options;
  const address = webSocketAddress(url);
  const limit = AbortSignal.timeout(timeoutMs);
  const socket = new WebSocket(address, [SUBPROTOCOLS[encoding === "cbor" ? 0 : 1]], {
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout: timeoutMs,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  // A message of the WebSocket cannot be lost between its upgrade and the first listener: it is set in this turn.
  let failure: GranuleError | undefined;
  socket.on("error", (error) => {
    failure ??= GranuleError.from(error, "UNAVAILABLE");
  });
  const giveUp = (): void => socket.terminate();
  limit.addEventListener("abort", giveUp);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await openChannel(socket as unknown as ChannelSocket);
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

function cannotConnect(url: string, why: string, cause: GranuleError | undefined): GranuleError {
  return new GranuleError("UNAVAILABLE", `cannot connect to ${url}: ${why}`, {
    retryable: true,
    ...(cause?.errno !== undefined && { errno: cause.errno }),
    ...(cause?.syscall !== undefined && { syscall: cause.syscall }),
    cause,
  });
}

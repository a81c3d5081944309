import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";

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

/**
 * Connects to a runtime that is served elsewhere: `unix:/run/granule/granule.sock`, `ws://host:port`, `wss://host`.
 * Throws UNAVAILABLE (retryable) where nobody listens.
 */
export async function connect(_url: string, _options: ConnectOptions = {}): Promise<Runtime> {
  throw new GranuleError("UNSUPPORTED", "the channel client is not built yet");
}

import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import type { ChannelLimits } from "./limits.js";
import type { Role } from "./roles.js";

/** When a server that nobody needs may leave (`granule serve --idle-exit`). */
export interface IdleOptions {
  /** How long nobody may have been connected. */
  afterMs: number;
  /** Whether a container still needs watching; asked when the time is over, and again each `afterMs` while it is so. */
  busy: () => boolean | Promise<boolean>;
  /** Called once; the server still listens, so close it here. */
  onIdle: () => void;
}

export interface ServeOptions {
  /** Path of the unix socket; made with mode 0660. A stale socket there is replaced, a live one is refused. */
  path: string;
  limits?: Partial<ChannelLimits>;
  /** What callers may do; `admin` unless told. */
  role?: Role;
  idle?: IdleOptions;
}

export interface ChannelServer {
  readonly path: string;
  /** Connections now open. */
  readonly connections: number;
  /**
   * Tells clients to go, waits up to `graceMs` (1000 unless told) for the requests in flight, then hangs up and removes
   * the socket. The runtime stays open: it is the caller's.
   */
  close(options?: { graceMs?: number; reason?: string }): Promise<void>;
}

/** Serves a runtime on a unix socket; resolves once it listens. */
export async function serveChannel(_runtime: Runtime, _options: ServeOptions): Promise<ChannelServer> {
  throw new GranuleError("UNSUPPORTED", "the channel server is not built yet");
}

import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";

export interface OwnerOptions {
  /** Root directory; `GRANULE_ROOT` of the owner that is started. */
  root: string;
  /** State directory; holds the owner's socket `granule.sock` and its log `serve.log`. */
  state: string;
  /** Starts an owner where there is none; true unless told. */
  start?: boolean;
}

/** Path of the socket on which the owner of a state directory listens. */
export function ownerSocketPath(state: string): string {
  return `${state}/granule.sock`;
}

/**
 * Connects to the owner of a state directory. Where there is none, starts `granule serve --idle-exit` in the background
 * and waits until it listens; several callers at once end up with one owner.
 */
export async function connectOwner(_options: OwnerOptions): Promise<Runtime> {
  throw new GranuleError("UNSUPPORTED", "the channel client is not built yet");
}

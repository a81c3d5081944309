import { setTimeout as delay } from "node:timers/promises";
import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { connect } from "./connect.js";
import { startOwner } from "./owner-process.js";

export interface OwnerOptions {
  /** Root directory; `GRANULE_ROOT` of the owner that is started. */
  root: string;
  /** State directory; holds the owner's socket `granule.sock` and its log `serve.log`. */
  state: string;
  /** Starts an owner where there is none; true unless told. */
  start?: boolean;
}

// How long an owner that holds the lock and does not listen is waited for: another starter's that is about to, or one
// that is on its way out.
const OTHER_OWNER_MS = 5000;
const START_AGAIN_MS = 1000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** Path of the socket on which the owner of a state directory listens. */
export function ownerSocketPath(state: string): string {
  return `${state}/granule.sock`;
}

/**
 * Connects to the owner of a state directory. Where there is none, starts `granule serve --idle-exit` in the background
 * and waits until it listens; several callers at once end up with one owner.
 * @throws what kept the owner from serving, or UNAVAILABLE where there is none and none was to be started.
 */
export async function connectOwner(options: OwnerOptions): Promise<Runtime> {
  const url = `unix:${ownerSocketPath(options.state)}`;
  const deadline = performance.now() + OTHER_OWNER_MS;
  let startAt = 0;
  let kept: GranuleError | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await connect(url, { reconnect: false });
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      if (error.code !== "UNAVAILABLE" || options.start === false) throw error;
      kept ??= error;
    }
    if (performance.now() >= startAt) {
      try {
        await startOwner(options);
        return await connect(url, { reconnect: false });
      } catch (thrown) {
        kept = GranuleError.from(thrown);
        if (!isRace(kept)) throw kept;
        startAt = performance.now() + START_AGAIN_MS;
      }
    }
    if (performance.now() > deadline) throw kept;
    await delay(pause);
  }
}

/** Somebody else has just become the owner or listens already, or the one that was started has left again. */
function isRace(error: GranuleError): boolean {
  return (
    error.code === "ALREADY_EXISTS" ||
    error.code === "UNAVAILABLE" ||
    (error.code === "FAILED_PRECONDITION" && error.path?.endsWith("owner.lock") === true)
  );
}

import { closeSync, writeSync } from "node:fs";
import { GranuleError } from "../errors.js";
import { errorToWire } from "./wire-error.js";

/** Environment variable that names the descriptor on which a starter waits for the owner. */
export const READY_FD_VARIABLE = "GRANULE_READY_FD";

/** For `granule serve`: tells whoever started this process that it now listens. Does nothing where nobody waits. */
export function announceReady(): void {
  announce("ready\n");
}

/** For `granule serve`: tells whoever started this process why it cannot serve. */
export function announceFailure(thrown: unknown): void {
  announce(`error ${JSON.stringify(errorToWire(GranuleError.from(thrown)))}\n`);
}

function announce(line: string): void {
  const fd = Number(process.env[READY_FD_VARIABLE]);
  if (!Number.isInteger(fd) || fd < 3) return;
  delete process.env[READY_FD_VARIABLE];
  try {
    writeSync(fd, line);
  } catch (error) {
    // The starter may have been killed meanwhile; the owner serves on.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  } finally {
    closeSync(fd);
  }
}

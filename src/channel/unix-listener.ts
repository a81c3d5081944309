import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmdirSync, statSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { GranuleError } from "../errors.js";
import { native } from "../native.js";

// sun_path of unix(7) holds 107 bytes and a zero.
const MAX_PATH_BYTES = 107;

export interface UnixSocketOptions {
  /** Group that may connect; that of this process unless told. */
  gid?: number;
  /**
   * Holds `<path>.lock` as long as the socket is there, so that of two servers that find the same stale socket one gives
   * way. The socket of a state directory needs none: its owner holds the directory's lock.
   */
  lock?: boolean;
}

/**
 * Listens on a unix socket of mode 0660. The socket is made in a folder of its own and renamed into place once its mode is
 * right, so that nobody sees it half made, and a stale socket is replaced in one step.
 * Gives back how to remove it, which spares a socket that somebody else has put there meanwhile.
 * @throws ALREADY_EXISTS where somebody listens at the path, FAILED_PRECONDITION where something else lies there or
 * anybody could put something else there.
 */
export async function listenOnUnixSocket(
  server: Server,
  path: string,
  options: UnixSocketOptions = {},
): Promise<() => void> {
  const folder = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(temporaryPath(folder))) > MAX_PATH_BYTES) {
    throw new GranuleError("INVALID_ARGUMENT", `the socket path is longer than ${MAX_PATH_BYTES} bytes`, {
      path,
      hint: "choose a shorter state directory",
    });
  }
  checkPlace(path);
  const lock = options.lock === true ? native().lockFile(`${path}.lock`) : undefined;
  const unlock = (): void => {
    if (lock !== undefined && lock >= 0) native().unlockFile(lock);
  };
  try {
    if (lock === -1 || (await somebodyListens(path))) {
      throw new GranuleError("ALREADY_EXISTS", "another server listens on this socket", { path });
    }
    await bindAside(server, folder, path, options.gid);
  } catch (error) {
    server.close();
    unlock();
    throw GranuleError.from(error, "UNAVAILABLE");
  }
  const inode = lstatSync(path).ino;
  return () => {
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
    unlock();
  };
}

/** Makes the socket in a folder that nobody else enters, and moves it out once its owner and mode are right. */
async function bindAside(server: Server, folder: string, path: string, gid: number | undefined): Promise<void> {
  const temporary = temporaryPath(folder);
  mkdirSync(folder, { mode: 0o700 });
  try {
    server.listen(temporary);
    await once(server, "listening");
    if (gid !== undefined) chownSync(temporary, -1, gid);
    chmodSync(temporary, 0o660);
    renameSync(temporary, path);
  } finally {
    rmdirSync(folder);
  }
}

function temporaryPath(folder: string): string {
  return join(folder, "s");
}

/** A path in somebody else's hands, or with something else than a socket at its end, is not taken over. */
function checkPlace(path: string): void {
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) {
    throw new GranuleError("UNAVAILABLE", "the folder of the socket does not exist", { path: dirname(path) });
  }
  const sticky = (folder.mode & 0o1000) !== 0;
  if ((folder.mode & 0o002) !== 0 && !sticky) {
    throw new GranuleError("FAILED_PRECONDITION", "anybody may write the folder of the socket, and replace it", {
      path: dirname(path),
      hint: "choose a folder that only its owner writes",
    });
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) {
    throw new GranuleError("FAILED_PRECONDITION", "something that is no socket lies at the path", {
      path,
      hint: "remove it, or choose another path",
    });
  }
}

async function somebodyListens(path: string): Promise<boolean> {
  const probe = connect(path);
  try {
    await once(probe, "connect");
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") return false;
    throw GranuleError.from(error, "UNAVAILABLE");
  } finally {
    probe.destroy();
  }
}

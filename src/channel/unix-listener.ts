import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { GranuleError } from "../errors.js";

// sun_path of unix(7) holds 107 bytes and a zero.
const MAX_PATH_BYTES = 107;

/**
 * Listens on a unix socket of mode 0660. The socket is made under another name and renamed into place once its mode is
 * right, so that nobody sees it half made, and a stale socket is replaced in one step.
 * Gives back how to remove it, which spares a socket that somebody else has put there meanwhile.
 * @throws ALREADY_EXISTS where somebody listens at the path.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<() => void> {
  const temporary = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(temporary)) > MAX_PATH_BYTES) {
    throw new GranuleError("INVALID_ARGUMENT", `the socket path is longer than ${MAX_PATH_BYTES} bytes`, {
      path,
      hint: "choose a shorter state directory",
    });
  }
  if (await somebodyListens(path)) {
    throw new GranuleError("ALREADY_EXISTS", "another server listens on this socket", { path });
  }
  try {
    server.listen(temporary);
    await once(server, "listening");
    chmodSync(temporary, 0o660);
    renameSync(temporary, path);
  } catch (error) {
    server.close();
    throw GranuleError.from(error, "UNAVAILABLE");
  }
  const inode = lstatSync(path).ino;
  return () => {
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
  };
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

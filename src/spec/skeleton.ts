import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../errors.js";

/** Where a container's own file systems are mounted. */
const folders = ["dev", "etc", "proc", "sys"];

/** What a container's own files cover (container-files.ts). */
const files = ["etc/hostname", "etc/hosts"];

const made = new Set<string>();

/**
 * Makes the layer that lies below every image's, once a process: it holds the places that a start mounts over, so that
 * nothing has to be made on disk where an image lacks them. Returns its folder.
 *
 * @throws GranuleError UNAVAILABLE where the folder cannot be written
 */
export function skeletonLayer(folder: string): string {
  if (made.has(folder)) return folder;
  try {
    for (const path of ["", ...folders]) {
      mkdirSync(join(folder, path), { recursive: true });
      // Whatever the umask of this process is: these are seen inside.
      chmodSync(join(folder, path), 0o755);
    }
    for (const path of files) {
      writeFileSync(join(folder, path), "");
      chmodSync(join(folder, path), 0o644);
    }
  } catch (thrown) {
    throw GranuleError.from(thrown, "UNAVAILABLE");
  }
  made.add(folder);
  return folder;
}

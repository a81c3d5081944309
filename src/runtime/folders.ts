import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../errors.js";

/** Paths of one container's own files, on the host. */
export function containerPaths(folder: string): { upper: string; work: string; log: string; exit: string } {
  return {
    upper: join(folder, "upper"),
    work: join(folder, "work"),
    log: join(folder, "log"),
    exit: join(folder, "exit"),
  };
}

/** Makes a new container's folders; of one that ran before, only the record of that run's exit goes. */
export function makeFolders(folder: string): void {
  const { upper, work, exit } = containerPaths(folder);
  try {
    mkdirSync(folder, 0o700);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw GranuleError.from(thrown, "UNAVAILABLE");
    rmSync(exit, { force: true });
    return;
  }
  mkdirSync(upper, 0o755);
  // The mode of the container's root folder, whatever the umask here is.
  chmodSync(upper, 0o755);
  mkdirSync(work, 0o700);
}

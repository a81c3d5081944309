import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { GranuleError } from "../errors.js";

/** Paths of one container's own files, on the host. */
export function containerPaths(folder: string): { upper: string; work: string; log: string; exit: string } {
  return {
    upper: `${folder}/upper`,
    work: `${folder}/work`,
    log: `${folder}/log`,
    exit: `${folder}/exit`,
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

import { GranuleError } from "../errors.js";
import { errnoOf, readControl, writeControl } from "./files.js";
import type { ControlWrite } from "./limits.js";

/** What a kernel without the file lacks. */
const neededFor: Record<string, string> = {
  "cpu.idle": "Linux 5.15",
  "cpu.max.burst": "Linux 5.14",
  "memory.oom.group": "Linux 4.19",
  "io.weight": "a kernel with CONFIG_BLK_CGROUP_IOCOST",
  "cpu.max": "a kernel with CONFIG_CFS_BANDWIDTH",
  "cpu.cfs_quota_us": "a kernel with CONFIG_CFS_BANDWIDTH",
};

function write(directory: string, { controller, file, value, optional }: ControlWrite): void {
  const path = `${directory}/${file}`;
  try {
    writeControl(path, value);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "EBUSY" && controller === "memory") {
      const message = `the container uses more than ${value} bytes of memory that cannot be given back`;
      throw new GranuleError("FAILED_PRECONDITION", message, { path, errno, cause: thrown });
    }
    if (errno !== "ENOENT") throw thrown;
    if (optional) return;
    throw new GranuleError("UNSUPPORTED", `the kernel has no ${file}`, {
      path,
      errno,
      ...(neededFor[file] ? { hint: `it needs ${neededFor[file]}` } : {}),
      cause: thrown,
    });
  }
}

/**
 * Applies writes in order; where one fails, those before it are taken back.
 * @param directoryOf the cgroup that holds a write's controller
 */
export function applyWrites(writes: readonly ControlWrite[], directoryOf: (write: ControlWrite) => string): void {
  const before: { path: string; value: string }[] = [];
  try {
    for (const each of writes) {
      const path = `${directoryOf(each)}/${each.file}`;
      const value = readControl(path)?.trim();
      write(directoryOf(each), each);
      // The tables of io.max are not written back: a line that was not there has no inverse but `max`.
      if (value !== undefined && !value.includes("\n") && value !== "") before.push({ path, value });
    }
  } catch (thrown) {
    for (const { path, value } of before.reverse()) restore(path, value);
    throw thrown;
  }
}

/** The first error is the one to tell; a second one while taking back adds nothing a caller can act on. */
function restore(path: string, value: string): void {
  try {
    writeControl(path, value);
  } catch {
    return;
  }
}

/** Writes for a cgroup that is new: nothing to take back, so nothing is read. */
export function applyFirst(writes: readonly ControlWrite[], directoryOf: (write: ControlWrite) => string): void {
  for (const each of writes) write(directoryOf(each), each);
}

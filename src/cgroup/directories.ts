import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { controlError, errnoOf } from "./files.js";

/** How long a cgroup may stay busy after its last process is gone; the kernel lets go within milliseconds. */
const busyMilliseconds = 5000;

/** Makes a cgroup; false where it was there. */
export function makeCgroup(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === "EEXIST") return false;
    throw controlError("cannot make the cgroup", path, thrown);
  }
}

/** The cgroups directly below; none where it is gone. */
export function childCgroups(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw controlError("cannot list the cgroup", path, thrown);
  }
}

/** Removes one empty cgroup; false where it is busy. */
export function tryRemoveCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "ENOENT") return true;
    if (errno === "EBUSY") return false;
    throw controlError("cannot remove the cgroup", path, thrown);
  }
}

/** Removes a cgroup and those below it, waiting while the kernel still holds processes that have ended. */
export async function removeCgroup(path: string): Promise<void> {
  const deadline = performance.now() + busyMilliseconds;
  for (const child of childCgroups(path)) await removeCgroup(`${path}/${child}`);
  for (let pause = 1; !tryRemoveCgroup(path); pause = Math.min(2 * pause, 50)) {
    if (performance.now() > deadline) {
      throw controlError("cannot remove the cgroup", path, Object.assign(new Error("still busy"), { code: "EBUSY" }));
    }
    // v1 has no event that tells when; v2 told `populated 0` before this is called.
    await delay(pause);
  }
}

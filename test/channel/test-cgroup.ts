import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const mounts = "/sys/fs/cgroup";

/** Names the cgroups of the runtimes that this test process opens or starts. */
export const testCgroup: string = process.env["GRANULE_CGROUP"] || `granule-test-${process.pid}`;
process.env["GRANULE_CGROUP"] = testCgroup;

/** Removes what is left of them: empty directories, or the rmdir fails. */
export function removeTestCgroup(): void {
  for (const base of [mounts, ...readdirSync(mounts).map((name) => join(mounts, name))]) {
    const root = join(base, testCgroup);
    if (existsSync(root)) removeTree(root);
  }
}

function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  rmdirSync(directory);
}

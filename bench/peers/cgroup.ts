import { existsSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { awaitEvent } from "../../src/cgroup/events.js";

const killMs = 5000;

/** Ends what a cut-off run has left in a peer's own cgroup, and removes it with those below. */
export async function clearCgroup(name: string): Promise<void> {
  const path = join("/sys/fs/cgroup", name);
  if (!existsSync(path)) return;
  writeFileSync(join(path, "cgroup.kill"), "1");
  await awaitEvent(path, "populated", 0, killMs);
  remove(path);
}

function remove(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) remove(join(path, entry.name));
  }
  rmdirSync(path);
}

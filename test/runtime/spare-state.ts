import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { detectCgroupHost } from "../../src/cgroup/host.js";
import { DEFAULT_SPARES } from "../../src/runtime/spares.js";

export const subtree = (): string => {
  const { base, name } = detectCgroupHost();
  return `${base}/${name}`;
};

const cgroups = (): string[] =>
  readdirSync(subtree(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "monitors")
    .map((entry) => entry.name);

export const pidsOf = (id: string): number[] =>
  readFileSync(`${subtree()}/${id}/cgroup.procs`, "latin1").split("\n").filter(Boolean).map(Number);

/** Settles when as many spares stand by as are kept: each has its cgroup and its waiting child. */
export async function stocked(): Promise<string[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const ids = cgroups();
    if (ids.length === DEFAULT_SPARES && ids.every((id) => pidsOf(id).length === 1)) return ids;
    if (performance.now() > deadline) throw new Error(`no ${DEFAULT_SPARES} spares: ${ids.length}`);
    await setTimeout(5);
  }
}

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { detectCgroupHost } from "../../src/cgroup/host.js";
import { LEAST_SPARES } from "../../src/runtime/spare-demand.js";

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

/** Settles when there are so many cgroups, each with its one waiting child. */
export async function childrenReady(count: number): Promise<string[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const ids = cgroups();
    if (ids.length === count && ids.every((id) => pidsOf(id).length === 1)) return ids;
    if (performance.now() > deadline) throw new Error(`not ${count} that wait, but cgroups ${ids.join(", ")}`);
    await setTimeout(5);
  }
}

/** Settles when as many spares stand by as are kept. */
export const stocked = (): Promise<string[]> => childrenReady(LEAST_SPARES);

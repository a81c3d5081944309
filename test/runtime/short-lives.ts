import { readdirSync, readFileSync } from "node:fs";
import type { Fixture } from "./fixture.js";

const together = 4;

/** CPU time in microseconds of a cgroup and all that ever was below it. */
function usageUsec(path: string): number {
  return Number(/^usage_usec (\d+)$/m.exec(readFileSync(`${path}/cpu.stat`, "utf8"))?.[1]);
}

/** What all cgroups below used that are no container's: the monitors, and what is made ahead and not taken yet. */
function usageOfOthers(path: string): number {
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return below.reduce((sum, { name }) => sum + usageUsec(`${path}/${name}`), 0);
}

/**
 * Runs many containers that end within some tens of milliseconds, and tells what their records sum up to beside what
 * the kernel counted for the cgroup above them, without what belongs to none of them. In microseconds. Nothing else runs.
 */
export async function shortLives(fixture: Fixture, count: number): Promise<{ recorded: number; counted: number }> {
  const { cgroup } = await fixture.runtime.info();
  const path = cgroup.path ?? "";
  const counted = () => usageUsec(path) - usageOfOthers(path);
  const ids: string[] = [];
  const before = counted();
  const lane = async (): Promise<void> => {
    while (ids.length < count) {
      const one = await fixture.run("i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done", { cpus: 1 });
      ids.push(one.id);
      await one.wait();
      await one.remove();
    }
  };
  await Promise.all(Array.from({ length: together }, lane));
  const spent = counted() - before;
  const records = await fixture.runtime.usage.query();
  const own = new Set(ids);
  const recorded = records
    .filter(({ id }) => own.has(id))
    .reduce((sum, { cpuUsedSeconds = 0 }) => sum + cpuUsedSeconds, 0);
  return { recorded: recorded * 1e6, counted: spent };
}

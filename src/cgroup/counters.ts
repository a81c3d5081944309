import { keyedNumber, numberOf, readControl } from "./files.js";
import type { CgroupPaths } from "./paths.js";

/** The counters of a container's cgroup at its end. What the host does not count is absent. */
export interface FinalCounters {
  cpuUsec?: number;
  userUsec?: number;
  systemUsec?: number;
  throttledUsec?: number;
  memoryPeakBytes?: number;
  oomKills?: number;
}

/** How many processes the kernel's OOM killer ended: `oom_kill`, since `oom` counts the attempts. */
export function readOomKills(paths: CgroupPaths): number | undefined {
  return paths.memory === undefined
    ? keyedNumber(readControl(`${paths.unified}/memory.events`), "oom_kill")
    : keyedNumber(readControl(`${paths.memory}/memory.oom_control`), "oom_kill");
}

/** Reads the counters once; to be called before the cgroup is removed. */
export function readFinalCounters(paths: CgroupPaths): FinalCounters {
  const cpu = readControl(`${paths.unified}/cpu.stat`);
  const throttledNs = paths.cpu && keyedNumber(readControl(`${paths.cpu}/cpu.stat`), "throttled_time");
  const found: Record<keyof FinalCounters, number | undefined> = {
    cpuUsec: keyedNumber(cpu, "usage_usec"),
    userUsec: keyedNumber(cpu, "user_usec"),
    systemUsec: keyedNumber(cpu, "system_usec"),
    throttledUsec:
      typeof throttledNs === "number" ? Math.floor(throttledNs / 1000) : keyedNumber(cpu, "throttled_usec"),
    memoryPeakBytes: numberOf(
      readControl(paths.memory ? `${paths.memory}/memory.max_usage_in_bytes` : `${paths.unified}/memory.peak`),
    ),
    oomKills: readOomKills(paths),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

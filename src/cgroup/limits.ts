import type { Limits } from "../api.js";
import { formatCpuList, parseCpuList } from "./cpulist.js";
import type { CgroupHost, Controller } from "./host.js";
import { ioMaxLine } from "./io.js";
import { requireSupport } from "./support.js";
import { cpuPeriodUsec, quotaUsec, validateLimits } from "./validate.js";

/** One value for one control file of a container's cgroup. */
export interface ControlWrite {
  controller: Controller;
  file: string;
  value: string;
  /** The file may be missing: a kernel without swap has no limit on swap. */
  optional?: true;
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, Math.round(value)));

/** cpu.weight: 100, the kernel's default, for each vCPU. */
const weightOf = (cpus: number) => clamp(cpus * 100, 1, 10_000);

/** cpu.shares: 1024, the kernel's default, for each vCPU. */
const sharesOf = (cpus: number) => clamp(cpus * 1024, 2, 262_144);

function cpuWrites(next: Limits, current: Limits): ControlWrite[] {
  const writes: ControlWrite[] = [];
  const put = (file: string, value: string | number) => writes.push({ controller: "cpu", file, value: String(value) });
  const merged = { ...current, ...next };
  // An idle cgroup takes no weight, and one that stops to be idle starts from the default weight.
  const leavesIdle = next.spot === false && current.spot === true;
  if (next.spot !== undefined && next.spot !== (current.spot ?? false)) put("cpu.idle", next.spot ? 1 : 0);
  if (merged.cpus !== undefined && !merged.spot && (next.cpus !== undefined || leavesIdle)) {
    put("cpu.weight", weightOf(merged.cpus));
  }
  // The kernel refuses a quota below the burst in force.
  const burstChanges = next.cpuBurstUsec !== undefined || next.cpus !== undefined;
  if (burstChanges && current.cpuBurstUsec) put("cpu.max.burst", 0);
  if (next.cpus !== undefined) put("cpu.max", `${quotaUsec(next.cpus)} ${cpuPeriodUsec}`);
  if (burstChanges && merged.cpuBurstUsec) put("cpu.max.burst", merged.cpuBurstUsec);
  return writes;
}

function cpuV1Writes(next: Limits): ControlWrite[] {
  if (next.cpus === undefined) return [];
  return [
    { controller: "cpu", file: "cpu.shares", value: String(sharesOf(next.cpus)) },
    { controller: "cpu", file: "cpu.cfs_period_us", value: String(cpuPeriodUsec) },
    { controller: "cpu", file: "cpu.cfs_quota_us", value: String(quotaUsec(next.cpus)) },
  ];
}

function memoryWrites(next: Limits): ControlWrite[] {
  const writes: ControlWrite[] = [];
  const put = (file: string, value: number) => writes.push({ controller: "memory", file, value: String(value) });
  if (next.memory !== undefined) {
    writes.push({ controller: "memory", file: "memory.swap.max", value: "0", optional: true });
    put("memory.oom.group", 1);
    put("memory.max", next.memory);
  }
  if (next.memoryHigh !== undefined) put("memory.high", next.memoryHigh);
  if (next.memoryLow !== undefined) put("memory.low", next.memoryLow);
  return writes;
}

function memoryV1Writes(next: Limits, current: Limits): ControlWrite[] {
  if (next.memory === undefined) return [];
  const value = String(next.memory);
  const limit: ControlWrite = { controller: "memory", file: "memory.limit_in_bytes", value };
  const withSwap: ControlWrite = { controller: "memory", file: "memory.memsw.limit_in_bytes", value, optional: true };
  // limit <= memsw holds at every moment, or the kernel refuses the write.
  const raising = next.memory > (current.memory ?? Number.POSITIVE_INFINITY);
  const swappiness: ControlWrite = { controller: "memory", file: "memory.swappiness", value: "0", optional: true };
  return raising ? [swappiness, withSwap, limit] : [swappiness, limit, withSwap];
}

/**
 * Turns limits into writes, in the order in which the kernel takes them (admin-guide/cgroup-v2.rst;
 * admin-guide/cgroup-v1/memory.rst, cpusets.rst; scheduler/sched-bwc.rst).
 * @param next what is asked for; what it does not name stays as it is
 * @param current what is in force, empty for a new cgroup
 * @throws GranuleError INVALID_ARGUMENT, UNSUPPORTED
 */
export function limitWrites(next: Limits, host: CgroupHost, current: Limits = {}): ControlWrite[] {
  validateLimits({ ...current, ...next }, host);
  requireSupport(next, host);
  const onV1 = (controller: Controller) => host.bindings[controller].version === "v1";
  const writes = [
    ...(onV1("cpu") ? cpuV1Writes(next) : cpuWrites(next, current)),
    ...(onV1("memory") ? memoryV1Writes(next, current) : memoryWrites(next)),
  ];
  if (next.pids !== undefined) writes.push({ controller: "pids", file: "pids.max", value: String(next.pids) });
  if (next.cpuset !== undefined) {
    writes.push({ controller: "cpuset", file: "cpuset.cpus", value: formatCpuList(parseCpuList(next.cpuset)) });
  }
  for (const limit of next.io ?? []) writes.push({ controller: "io", file: "io.max", value: ioMaxLine(limit) });
  if (next.ioWeight !== undefined) {
    writes.push({ controller: "io", file: "io.weight", value: `default ${next.ioWeight}` });
  }
  return writes;
}

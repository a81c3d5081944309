import type { Limits } from "../api.js";
import { GranuleError } from "../errors.js";
import { parseCpuList } from "./cpulist.js";
import type { CgroupHost } from "./host.js";

/** Least memory limit in bytes: below it the set-up before exec and exec itself do not fit. */
export const minMemoryBytes = 6 * 1024 * 1024;

/** The kernel's PID_MAX_LIMIT on 64-bit hosts; pids.max takes nothing above. */
const maxPids = 4_194_304;

/** The period of cpu.max in microseconds, the kernel's default. */
export const cpuPeriodUsec = 100_000;

const invalid = (message: string, hint?: string) =>
  new GranuleError("INVALID_ARGUMENT", message, hint === undefined ? {} : { hint });

function wholeNumber(name: string, value: number | undefined, least: number, most: number, hint?: string): void {
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw invalid(`${name} must be a whole number ${range}, not ${value}`, hint);
  }
}

/** CPU time in microseconds a period, for a number of vCPUs. */
export const quotaUsec = (cpus: number) => Math.round(cpus * cpuPeriodUsec);

/**
 * Checks the values of limits against each other and the host; says nothing of controllers.
 * @throws GranuleError INVALID_ARGUMENT
 */
export function validateLimits(limits: Limits, host: CgroupHost): void {
  const most = Number.MAX_SAFE_INTEGER;
  if (limits.cpus !== undefined) {
    const cpus = limits.cpus;
    if (!(cpus >= 0.01) || !Number.isFinite(cpus)) throw invalid(`cpus must be at least 0.01, not ${cpus}`);
    if (cpus > host.cpus.length) throw invalid(`cpus is ${cpus}, and the host has ${host.cpus.length}`);
  }
  const bytesHint = `sizes are bytes; the least is ${minMemoryBytes}`;
  wholeNumber("memory", limits.memory, minMemoryBytes, most, bytesHint);
  wholeNumber("memoryHigh", limits.memoryHigh, minMemoryBytes, most, bytesHint);
  wholeNumber("memoryLow", limits.memoryLow, 0, most);
  if ((limits.memoryLow ?? 0) > (limits.memory ?? most)) throw invalid("memoryLow is above memory");
  wholeNumber("pids", limits.pids, 1, maxPids);
  wholeNumber("ioWeight", limits.ioWeight, 1, 10_000);
  wholeNumber("cpuBurstUsec", limits.cpuBurstUsec, 0, most);
  if (limits.cpuBurstUsec) {
    if (limits.cpus === undefined)
      throw invalid("cpuBurstUsec needs cpus: without a quota there is nothing to save up");
    const quota = quotaUsec(limits.cpus);
    if (limits.cpuBurstUsec > quota) {
      throw invalid(`cpuBurstUsec is above the quota of ${quota} microseconds in each ${cpuPeriodUsec}`);
    }
  }
  if (limits.cpuset !== undefined) {
    const missing = parseCpuList(limits.cpuset).filter((cpu) => !host.cpus.includes(cpu));
    if (missing.length > 0)
      throw invalid(`cpuset names CPU ${missing.join(", ")}, which the host does not have online`);
  }
}

import type { UsageRecord } from "../api.js";

/** Sums over the usage records that share a tag's value. */
export interface UsageGroup {
  /** Value of the tag; empty for records without it. */
  key: string;
  segments: number;
  seconds: number;
  vcpuSeconds: number;
  gibSeconds: number;
  cpuUsedSeconds: number;
  memoryUsedGibSeconds: number;
}

/** One group for each value of a tag, in the order of the values. */
export function groupUsage(records: UsageRecord[], tag: string): UsageGroup[] {
  const groups = new Map<string, UsageGroup>();
  for (const record of records) {
    const key = record.tags[tag] ?? "";
    const group = groups.get(key) ?? emptyGroup(key);
    group.segments += 1;
    group.seconds += record.seconds;
    group.vcpuSeconds += record.vcpuSeconds ?? 0;
    group.gibSeconds += record.gibSeconds ?? 0;
    group.cpuUsedSeconds += record.cpuUsedSeconds ?? 0;
    group.memoryUsedGibSeconds += record.memoryUsedGibSeconds ?? 0;
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function emptyGroup(key: string): UsageGroup {
  return { key, segments: 0, seconds: 0, vcpuSeconds: 0, gibSeconds: 0, cpuUsedSeconds: 0, memoryUsedGibSeconds: 0 };
}

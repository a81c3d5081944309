import type { UsageRecord } from "../api.js";

/** A time on both clocks, in nanoseconds: the wall for people, CLOCK_BOOTTIME for durations. */
export interface Moment {
  wallNs: bigint;
  bootNs: bigint;
}

/** A row of usage_segments: what a container was allocated for a while without change. */
export interface Segment {
  segment: bigint;
  container_id: string;
  name: string;
  image: string;
  tags: string;
  cpus: number | null;
  memory_bytes: bigint | null;
  started_ns: bigint;
  started_boot_ns: bigint;
  boot_id: string;
  ended_ns: bigint | null;
  ended_boot_ns: bigint | null;
  cpu_used_usec: bigint | null;
  memory_byte_seconds: number | null;
}

const second = 1_000_000_000n;
const bytesPerGib = 2 ** 30;

const isoTime = (ns: bigint) =>
  `${new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19)}.${String(ns % second).padStart(9, "0")}Z`;

/** Whether one segment goes on where another was cut: the same run of the same container. */
export const continues = (next: Segment, before: Segment) =>
  next.container_id === before.container_id &&
  next.boot_id === before.boot_id &&
  before.ended_boot_ns === next.started_boot_ns;

/** To the millionth: beyond it binary fractions show. */
const rounded = (value: number) => Math.round(value * 1e6) / 1e6;

function record(segment: Segment, seconds: number): UsageRecord {
  const { cpus, memory_bytes, ended_ns, cpu_used_usec, memory_byte_seconds } = segment;
  return {
    id: segment.container_id,
    name: segment.name,
    image: segment.image,
    tags: JSON.parse(segment.tags) as Record<string, string>,
    startedAt: isoTime(segment.started_ns),
    seconds,
    ...(ended_ns === null ? {} : { endedAt: isoTime(ended_ns) }),
    ...(cpus === null ? {} : { cpus, vcpuSeconds: rounded(cpus * seconds) }),
    ...(memory_bytes === null
      ? {}
      : { memoryBytes: Number(memory_bytes), gibSeconds: rounded((Number(memory_bytes) / bytesPerGib) * seconds) }),
    ...(cpu_used_usec === null ? {} : { cpuUsedSeconds: Number(cpu_used_usec) / 1e6 }),
    ...(memory_byte_seconds === null ? {} : { memoryUsedGibSeconds: rounded(memory_byte_seconds / bytesPerGib) }),
  };
}

/**
 * Segments as usage records. The seconds of a run are whole, and rounded up once, at its end: a cut falls on the last
 * whole second before it, so that the records of a run sum up to the run.
 * @param segments by container, then by start
 * @param nowBootNs counts for what is open, in whole seconds that have passed
 */
export function usageRecords(segments: readonly Segment[], nowBootNs: bigint, bootId: string): UsageRecord[] {
  let runStart = 0n;
  let billed = 0n;
  return segments.map((segment, index) => {
    const before = segments[index - 1];
    if (!before || !continues(segment, before)) {
      runStart = segment.started_boot_ns;
      billed = 0n;
    }
    const next = segments[index + 1];
    const cut = next !== undefined && continues(next, segment);
    const isLast = segment.ended_boot_ns !== null && !cut;
    const end = segment.ended_boot_ns ?? (segment.boot_id === bootId ? nowBootNs : segment.started_boot_ns);
    const elapsed = end > runStart ? end - runStart : 0n;
    const whole = isLast ? (elapsed + second - 1n) / second : elapsed / second;
    const seconds = whole > billed ? whole - billed : 0n;
    billed += seconds;
    return record(segment, Number(seconds));
  });
}

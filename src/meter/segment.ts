import type { UsageRecord } from "../api.js";
import { divideHalfEven, formatDecimal, moneyScale } from "./decimal.js";
import { isoTime, second } from "./instant.js";
import type { Moment } from "./moment.js";

/** What a container is allocated. */
export interface Allocation {
  id: string;
  name: string;
  image: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
}

/**
 * What a run has used since it began. Counters are the kernel's, which only grow; what the host does not count is
 * absent.
 */
export interface Used {
  cpuUsec?: number;
  /** Memory over time since the run began. */
  memoryByteSeconds?: number;
  memoryPeakBytes?: number;
  rxBytes?: number;
  txBytes?: number;
  readBytes?: number;
  writeBytes?: number;
}

/** An allocation that is going on: the part of a run since its start or its last cut. */
export interface Segment {
  id: string;
  name: string;
  image: string;
  tagSet: number;
  tags: string;
  cpuMilli: number | null;
  memoryBytes: number | null;
  bootId: string;
  runBootNs: bigint;
  startedNs: bigint;
  startedBootNs: bigint;
  /** Seconds and cost of the run's earlier segments. */
  billedSeconds: bigint;
  billedCost: bigint;
  /** What the run had used where this segment began. */
  before: Used;
  /** What the run had used when it was last written down. */
  used: Used;
  lastSeenNs: bigint;
  lastSeenBootNs: bigint;
}

/** A row of usage_records, read with safeIntegers. */
export interface RecordRow {
  record: bigint | null;
  container_id: string;
  name: string;
  image: string;
  tag_set: bigint;
  tags: string;
  cpu_milli: bigint | null;
  memory_bytes: bigint | null;
  boot_id: string;
  run_boot_ns: bigint;
  run_ended: bigint;
  started_ns: bigint;
  /** Null while it is open. */
  ended_ns: bigint | null;
  started_boot_ns: bigint;
  ended_boot_ns: bigint;
  billed_from_ns: bigint;
  seconds: bigint;
  cpu_used_usec: bigint | null;
  memory_byte_seconds: bigint | null;
  memory_peak_bytes: bigint | null;
  rx_bytes: bigint | null;
  tx_bytes: bigint | null;
  read_bytes: bigint | null;
  write_bytes: bigint | null;
  cost: bigint | null;
  price_sheet: bigint | null;
  end_reason: string;
}

const milli = (cpus: number | undefined) => (cpus === undefined ? null : Math.round(cpus * 1000));

/** The allocation of a segment in the ledger's units. */
export const allocated = ({ cpus, memoryBytes }: Allocation): Pick<Segment, "cpuMilli" | "memoryBytes"> => ({
  cpuMilli: milli(cpus),
  memoryBytes: memoryBytes ?? null,
});

/** The first segment of a run. */
export function firstSegment(of: Allocation, tagSet: number, tags: string, bootId: string, started: Moment): Segment {
  return {
    id: of.id,
    name: of.name,
    image: of.image,
    tagSet,
    tags,
    ...allocated(of),
    bootId,
    runBootNs: started.bootNs,
    startedNs: started.wallNs,
    startedBootNs: started.bootNs,
    billedSeconds: 0n,
    billedCost: 0n,
    before: {},
    used: {},
    lastSeenNs: started.wallNs,
    lastSeenBootNs: started.bootNs,
  };
}

/**
 * Seconds that a segment bills up to a moment. A run is billed in whole seconds, rounded up once, at its end; a cut
 * falls on the last whole second before it, so that the segments of a run sum up to the run.
 */
export function secondsUntil(segment: Segment, bootNs: bigint, isEnd: boolean): bigint {
  const elapsed = bootNs > segment.runBootNs ? bootNs - segment.runBootNs : 0n;
  const whole = isEnd ? (elapsed + second - 1n) / second : elapsed / second;
  return whole > segment.billedSeconds ? whole - segment.billedSeconds : 0n;
}

/** When the first second that a segment bills begins. */
export const billedFrom = ({ startedNs, startedBootNs, runBootNs, billedSeconds }: Segment): bigint =>
  startedNs - (startedBootNs - runBootNs - billedSeconds * second);

const names = ["cpuUsec", "memoryByteSeconds", "rxBytes", "txBytes", "readBytes", "writeBytes"] as const;

/** Later figures over earlier ones; a counter that would go back stays. */
export function latest(before: Used, now: Used): Used {
  const merged: Used = { ...before };
  for (const name of [...names, "memoryPeakBytes"] as const) {
    const value = now[name];
    if (value !== undefined && value >= (merged[name] ?? 0)) merged[name] = value;
  }
  return merged;
}

/** What was used since a point of the same run; null where it was never counted. */
export function usedSince(now: Used, before: Used): Record<(typeof names)[number], bigint | null> {
  const since = (name: (typeof names)[number]) => {
    const value = now[name];
    return value === undefined ? null : BigInt(Math.max(0, Math.round(value) - Math.round(before[name] ?? 0)));
  };
  return {
    cpuUsec: since("cpuUsec"),
    memoryByteSeconds: since("memoryByteSeconds"),
    rxBytes: since("rxBytes"),
    txBytes: since("txBytes"),
    readBytes: since("readBytes"),
    writeBytes: since("writeBytes"),
  };
}

const bytesPerGib = 2 ** 30;

/** A row as callers read it. */
export function usageRecord(row: RecordRow, currency: string | undefined): UsageRecord {
  const record: UsageRecord = {
    ...(row.record === null ? {} : { record: Number(row.record) }),
    id: row.container_id,
    name: row.name,
    image: row.image,
    tags: JSON.parse(row.tags) as Record<string, string>,
    startedAt: isoTime(row.started_ns),
    seconds: Number(row.seconds),
  };
  if (row.ended_ns !== null) {
    record.endedAt = isoTime(row.ended_ns);
    record.endReason = row.end_reason;
  }
  if (row.cpu_milli !== null) {
    record.cpus = Number(row.cpu_milli) / 1000;
    record.vcpuSeconds = Number(row.cpu_milli * row.seconds) / 1000;
  }
  if (row.memory_bytes !== null) {
    record.memoryBytes = Number(row.memory_bytes);
    record.gibSeconds = Number(row.memory_bytes * row.seconds) / bytesPerGib;
  }
  if (row.cpu_used_usec !== null) record.cpuUsedSeconds = Number(row.cpu_used_usec) / 1e6;
  if (row.memory_byte_seconds !== null) record.memoryUsedGibSeconds = Number(row.memory_byte_seconds) / bytesPerGib;
  if (row.memory_peak_bytes !== null) record.memoryPeakBytes = Number(row.memory_peak_bytes);
  if (row.rx_bytes !== null) record.networkRxBytes = Number(row.rx_bytes);
  if (row.tx_bytes !== null) record.networkTxBytes = Number(row.tx_bytes);
  if (row.read_bytes !== null) record.ioReadBytes = Number(row.read_bytes);
  if (row.write_bytes !== null) record.ioWriteBytes = Number(row.write_bytes);
  if (row.cost !== null) record.cost = formatDecimal(row.cost, moneyScale);
  if (row.cost !== null && currency !== undefined) record.currency = currency;
  return record;
}

const usedColumns = [
  "cpu_used_usec",
  "memory_byte_seconds",
  "rx_bytes",
  "tx_bytes",
  "read_bytes",
  "write_bytes",
  "cost",
] as const;

/**
 * The part of a record that falls into a span of time; undefined where none does. A second belongs to where it begins,
 * and what was used and what it cost are parted in proportion, so that spans that meet sum up to the record exactly.
 */
export function clipped(
  row: RecordRow,
  sinceNs: bigint | undefined,
  untilNs: bigint | undefined,
): RecordRow | undefined {
  if (untilNs !== undefined && row.billed_from_ns >= untilNs) return undefined;
  if (sinceNs !== undefined && row.seconds > 0n && row.billed_from_ns + row.seconds * second <= sinceNs)
    return undefined;
  // Cut before its first second was over: it lies where it began.
  if (row.seconds === 0n) return sinceNs !== undefined && row.billed_from_ns < sinceNs ? undefined : row;
  const starts = (boundary: bigint | undefined, otherwise: bigint) => {
    if (boundary === undefined) return otherwise;
    const before = boundary - row.billed_from_ns;
    if (before <= 0n) return 0n;
    const count = (before + second - 1n) / second;
    return count < row.seconds ? count : row.seconds;
  };
  const from = starts(sinceNs, 0n);
  const to = starts(untilNs, row.seconds);
  if (from === 0n && to === row.seconds) return row;
  if (from === to) return undefined;
  const part = { ...row, seconds: to - from };
  for (const column of usedColumns) {
    const value = row[column];
    if (value === null) continue;
    const upTo = (seconds: bigint) => divideHalfEven(value * seconds, row.seconds);
    part[column] = upTo(to) - upTo(from);
  }
  return part;
}

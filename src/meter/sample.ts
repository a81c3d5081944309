import type { Pressure, Sample } from "../api.js";

/** Reads the columns of a sampler row by name; NaN is what the host does not have. */
export type RowReader = (column: string) => number;

/** A point to measure vCPUs from. */
export interface CpuPoint {
  seconds: number;
  usageUsec: number;
}

/** The point a row is. */
export const cpuPoint = (row: RowReader): CpuPoint => ({
  seconds: row("timeSec") + row("timeNsec") / 1e9,
  usageUsec: row("usageUsec"),
});

const present = (value: number) => !Number.isNaN(value);

/** The fields that are there; undefined where not one of the needed is. */
function fields<T extends object>(values: { [K in keyof T]-?: number }, needed: readonly (keyof T)[]): T | undefined {
  if (!needed.every((name) => present(values[name]))) return undefined;
  return Object.fromEntries(Object.entries<number>(values).filter(([, value]) => present(value))) as T;
}

function pressure(row: RowReader, resource: "cpu" | "memory" | "io"): Pressure | undefined {
  const values = {
    someAvg10: row(`${resource}SomeAvg10`),
    someTotalUsec: row(`${resource}SomeTotalUsec`),
    fullAvg10: row(`${resource}FullAvg10`),
    fullTotalUsec: row(`${resource}FullTotalUsec`),
  };
  return fields<Pressure>(values, ["someAvg10", "someTotalUsec"]);
}

/** Leaves out what is undefined, so that an absent field is absent. */
function defined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** ISO 8601 with the nanoseconds of the read. */
const timeOf = (row: RowReader) =>
  `${new Date(row("timeSec") * 1000).toISOString().slice(0, 19)}.${String(row("timeNsec")).padStart(9, "0")}Z`;

function vcpus(point: CpuPoint, last: CpuPoint | undefined): number {
  const seconds = last ? point.seconds - last.seconds : 0;
  if (!last || seconds <= 0) return Number.NaN;
  return Math.max(0, point.usageUsec - last.usageUsec) / 1e6 / seconds;
}

/**
 * A sampler row as a sample; undefined where the container is gone.
 * @param last the row before, for vCPUs over the interval
 */
export function sampleOf(id: string, row: RowReader, last: CpuPoint | undefined): Sample | undefined {
  const cpu = {
    usageUsec: row("usageUsec"),
    userUsec: row("userUsec"),
    systemUsec: row("systemUsec"),
    throttledUsec: row("throttledUsec"),
    vcpus: vcpus(cpuPoint(row), last),
  };
  const used = fields<Sample["cpu"]>(cpu, ["usageUsec"]);
  if (!used) return undefined;
  const current = row("memoryCurrent");
  const memory = {
    currentBytes: current,
    peakBytes: row("memoryPeak"),
    anonBytes: row("memoryAnon"),
    fileBytes: row("memoryFile"),
    workingSetBytes: Math.max(0, current - row("memoryInactiveFile")),
    oomKills: row("oomKills"),
  };
  const io = {
    readBytes: row("ioReadBytes"),
    writeBytes: row("ioWriteBytes"),
    reads: row("ioReads"),
    writes: row("ioWrites"),
  };
  const network = {
    rxBytes: row("netRxBytes"),
    txBytes: row("netTxBytes"),
    rxPackets: row("netRxPackets"),
    txPackets: row("netTxPackets"),
  };
  const pressures = defined<NonNullable<Sample["pressure"]>>({
    cpu: pressure(row, "cpu"),
    memory: pressure(row, "memory"),
    io: pressure(row, "io"),
  });
  return defined<Sample>({
    id,
    time: timeOf(row),
    cpu: used,
    memory: fields<NonNullable<Sample["memory"]>>(memory, ["currentBytes"]),
    pids: fields<NonNullable<Sample["pids"]>>({ current: row("pids") }, ["current"]),
    io: fields<NonNullable<Sample["io"]>>(io, ["readBytes", "writeBytes", "reads", "writes"]),
    network: fields<NonNullable<Sample["network"]>>(network, ["rxBytes", "txBytes", "rxPackets", "txPackets"]),
    pressure: Object.keys(pressures).length > 0 ? pressures : undefined,
  });
}

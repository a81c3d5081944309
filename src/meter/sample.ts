import type { Pressure, Sample } from "../api.js";

/** The values of a sampler row, by their names in native/cgroup/row.h. */
const names = [
  "key",
  "timeSec",
  "timeNsec",
  "usageUsec",
  "userUsec",
  "systemUsec",
  "throttledUsec",
  "memoryCurrent",
  "memoryPeak",
  "memoryAnon",
  "memoryFile",
  "memoryInactiveFile",
  "oomKills",
  "pids",
  "ioReadBytes",
  "ioWriteBytes",
  "ioReads",
  "ioWrites",
  "netRxBytes",
  "netTxBytes",
  "netRxPackets",
  "netTxPackets",
  "cpuSomeAvg10",
  "memorySomeAvg10",
  "ioSomeAvg10",
] as const;

/** Where each value stands in a row; NaN is what the host does not have. A pressure is four columns from its first. */
export type SampleColumns = Readonly<Record<(typeof names)[number], number>>;

/** The columns of sampler rows from the names that native code gives them, in order. */
export const sampleColumns = (given: readonly string[]): SampleColumns =>
  Object.fromEntries(names.map((name) => [name, given.indexOf(name)])) as SampleColumns;

/** A point to measure vCPUs from. */
export interface CpuPoint {
  seconds: number;
  usageUsec: number;
}

/** One row of a tick's buffer. A view: nothing is made of its values until they are asked for. */
export class SampleRow {
  readonly columns: SampleColumns;
  readonly #rows: Float64Array;
  readonly #offset: number;

  constructor(rows: Float64Array, offset: number, columns: SampleColumns) {
    this.columns = columns;
    this.#rows = rows;
    this.#offset = offset;
  }

  /** The value of a column; NaN where it is absent. */
  at(column: number): number {
    return this.#rows[this.#offset + column] ?? Number.NaN;
  }

  /** When it was read, in seconds since the epoch. */
  get seconds(): number {
    return this.at(this.columns.timeSec) + this.at(this.columns.timeNsec) / 1e9;
  }

  get usageUsec(): number {
    return this.at(this.columns.usageUsec);
  }
}

/** Puts a value where the host has it, so that an absent field is absent and not 0. */
function put<T extends object>(into: T, field: keyof T, value: number): void {
  if (!Number.isNaN(value)) into[field] = value as T[keyof T];
}

function cpuOf(row: SampleRow, last: CpuPoint | undefined): Sample["cpu"] {
  const cpu: Sample["cpu"] = { usageUsec: row.usageUsec };
  put(cpu, "userUsec", row.at(row.columns.userUsec));
  put(cpu, "systemUsec", row.at(row.columns.systemUsec));
  put(cpu, "throttledUsec", row.at(row.columns.throttledUsec));
  const seconds = last ? row.seconds - last.seconds : 0;
  if (last && seconds > 0) cpu.vcpus = Math.max(0, cpu.usageUsec - last.usageUsec) / 1e6 / seconds;
  return cpu;
}

function memoryOf(row: SampleRow): Sample["memory"] {
  const currentBytes = row.at(row.columns.memoryCurrent);
  if (Number.isNaN(currentBytes)) return undefined;
  const memory: NonNullable<Sample["memory"]> = { currentBytes };
  put(memory, "peakBytes", row.at(row.columns.memoryPeak));
  put(memory, "anonBytes", row.at(row.columns.memoryAnon));
  put(memory, "fileBytes", row.at(row.columns.memoryFile));
  put(memory, "workingSetBytes", Math.max(0, currentBytes - row.at(row.columns.memoryInactiveFile)));
  put(memory, "oomKills", row.at(row.columns.oomKills));
  return memory;
}

function ioOf(row: SampleRow): Sample["io"] {
  const readBytes = row.at(row.columns.ioReadBytes);
  if (Number.isNaN(readBytes)) return undefined;
  return {
    readBytes,
    writeBytes: row.at(row.columns.ioWriteBytes),
    reads: row.at(row.columns.ioReads),
    writes: row.at(row.columns.ioWrites),
  };
}

function networkOf(row: SampleRow): Sample["network"] {
  const rxBytes = row.at(row.columns.netRxBytes);
  if (Number.isNaN(rxBytes)) return undefined;
  return {
    rxBytes,
    txBytes: row.at(row.columns.netTxBytes),
    rxPackets: row.at(row.columns.netRxPackets),
    txPackets: row.at(row.columns.netTxPackets),
  };
}

function stalled(row: SampleRow, first: number): Pressure | undefined {
  const someTotalUsec = row.at(first + 1);
  if (Number.isNaN(someTotalUsec)) return undefined;
  const pressure: Pressure = { someAvg10: row.at(first), someTotalUsec };
  put(pressure, "fullAvg10", row.at(first + 2));
  put(pressure, "fullTotalUsec", row.at(first + 3));
  return pressure;
}

function pressureOf(row: SampleRow): Sample["pressure"] {
  const cpu = stalled(row, row.columns.cpuSomeAvg10);
  const memory = stalled(row, row.columns.memorySomeAvg10);
  const io = stalled(row, row.columns.ioSomeAvg10);
  if (!cpu && !memory && !io) return undefined;
  return { ...(cpu && { cpu }), ...(memory && { memory }), ...(io && { io }) };
}

/** The last whole second that was written out: a tick's rows share it. */
const written = { seconds: Number.NaN, text: "" };

/** ISO 8601 with the nanoseconds of the read. */
function timeOf(row: SampleRow): string {
  const seconds = row.at(row.columns.timeSec);
  if (written.seconds !== seconds) {
    written.seconds = seconds;
    written.text = new Date(seconds * 1000).toISOString().slice(0, 19);
  }
  return `${written.text}.${String(row.at(row.columns.timeNsec)).padStart(9, "0")}Z`;
}

/**
 * A sampler row as a sample; undefined where the container is gone.
 * @param last the row before, for vCPUs over the interval
 */
export function sampleOf(id: string, row: SampleRow, last: CpuPoint | undefined): Sample | undefined {
  if (Number.isNaN(row.usageUsec)) return undefined;
  const sample: Sample = { id, time: timeOf(row), cpu: cpuOf(row, last) };
  const memory = memoryOf(row);
  if (memory) sample.memory = memory;
  const pids = row.at(row.columns.pids);
  if (!Number.isNaN(pids)) sample.pids = { current: pids };
  const io = ioOf(row);
  if (io) sample.io = io;
  const network = networkOf(row);
  if (network) sample.network = network;
  const pressure = pressureOf(row);
  if (pressure) sample.pressure = pressure;
  return sample;
}

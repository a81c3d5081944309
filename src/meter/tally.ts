import type { BlockPool } from "./block-pool.js";
import { emptyHour, type HourMinutes, minuteField, minuteFields, packHour, setMinute, unpackHour } from "./minutes.js";
import type { Moment } from "./moment.js";
import { RecentSamples } from "./recent.js";
import type { Used } from "./segment.js";

/** Longest time in seconds that one sample of memory stands for; a gap is unknown, not a guess. */
const maxSampleSeconds = 5;

/** A reading this close to the end, or behind it, may be of a process that has let go of its memory already. */
const endSeconds = 0.1;

/** The counters of one reading; NaN is what the host does not have. */
export interface Counters {
  usageUsec: number;
  memoryBytes: number;
  memoryPeakBytes: number;
  rxBytes: number;
  txBytes: number;
  readBytes: number;
  writeBytes: number;
}

/** What is summed up of a minute, or of an hour. */
const sumFields = [
  "samples",
  "cpuUsec",
  "cpuMaxMilli",
  "memoryByteSeconds",
  "memoryMaxBytes",
  "rxBytes",
  "txBytes",
  "readBytes",
  "writeBytes",
] as const;

/** What is kept of the last reading, and of the run: there the second one is memory over time. */
const usedFields = [
  "cpuUsec",
  "memoryByteSeconds",
  "memoryPeakBytes",
  "rxBytes",
  "txBytes",
  "readBytes",
  "writeBytes",
] as const satisfies readonly (keyof Used)[];

// Where each of them begins in a tally's array. As numbers in fields of objects they would be made anew each second.
const inLast = 0;
const inUsed = inLast + usedFields.length;
const inMinute = inUsed + usedFields.length;
const inHour = inMinute + sumFields.length;
const inBefore = inHour + sumFields.length;
const allNumbers = inBefore + 3;

/** One hour that is to be written, as the columns of usage_hours behind its container. */
export type HourRow = [hour: number, ...sums: number[], minutes: Buffer];

const known = (value: number) => (Number.isNaN(value) ? 0 : value);

/** How far a counter went; NaN where the host does not count it. */
const since = (value: number, before: number) => (value < before ? 0 : value - before);

/** Adds what a second brought to the sums that begin at a place. */
function add(
  numbers: Float64Array,
  place: number,
  memoryBytes: number,
  byteSeconds: number,
  cpuUsec: number,
  vcpus: number,
  rxBytes: number,
  txBytes: number,
  readBytes: number,
  writeBytes: number,
): void {
  const at = (field: number): number => numbers[place + field] ?? 0;
  numbers[place] = at(0) + 1;
  numbers[place + 1] = at(1) + cpuUsec;
  numbers[place + 2] = Math.max(at(2), Math.round(known(vcpus) * 1000));
  numbers[place + 3] = at(3) + byteSeconds;
  numbers[place + 4] = Math.max(at(4), known(memoryBytes));
  numbers[place + 5] = at(5) + known(rxBytes);
  numbers[place + 6] = at(6) + known(txBytes);
  numbers[place + 7] = at(7) + known(readBytes);
  numbers[place + 8] = at(8) + known(writeBytes);
}

/** What is known of one running container beside the ledger: its totals, its last seconds, the hour so far. */
export class Tally {
  readonly recent: RecentSamples;
  /** When it was last read; undefined before the first tick. */
  seen: Moment | undefined;
  readonly #numbers = new Float64Array(allNumbers);
  #lastBootSeconds: number;
  #minute = -1;
  #hour = -1;
  #minutes: HourMinutes | undefined;
  #merged = false;
  /** Hours that are over and not written yet. */
  #finished: HourRow[] = [];

  /**
   * @param used what the ledger has of the run already
   * @param bootSeconds since when it is seen without a gap
   * @param pool where its last seconds are kept
   */
  constructor(used: Used, bootSeconds: number, pool?: BlockPool) {
    this.recent = new RecentSamples(pool);
    for (const [index, name] of usedFields.entries()) this.#numbers[inUsed + index] = used[name] ?? Number.NaN;
    this.#lastBootSeconds = bootSeconds;
  }

  /** What the run has used so far. */
  get used(): Used {
    const used: Used = {};
    for (const [index, name] of usedFields.entries()) {
      const value = this.#numbers[inUsed + index] ?? Number.NaN;
      if (!Number.isNaN(value)) used[name] = value;
    }
    return used;
  }

  /** CPU time was read apart from a tick. */
  sawCpu(usageUsec: number): void {
    this.#numbers[inUsed] = usageUsec;
  }

  /** Memory at the last reading; undefined where there was none. */
  get memoryBytes(): number | undefined {
    const bytes = this.seen ? (this.#numbers[inLast + 1] ?? Number.NaN) : Number.NaN;
    return Number.isNaN(bytes) ? undefined : bytes;
  }

  /** Takes a reading. `second` is the whole second of its tick. */
  take(now: Counters, second: number, at: Moment): void {
    const numbers = this.#numbers;
    const isFirst = this.seen === undefined;
    const bootSeconds = Number(at.bootNs) / 1e9;
    this.seen = at;
    const elapsed = bootSeconds - this.#lastBootSeconds;
    const byteSeconds = known(now.memoryBytes) * Math.min(Math.max(elapsed, 0), maxSampleSeconds);
    numbers[inBefore] = numbers[inUsed + 1] ?? Number.NaN;
    numbers[inBefore + 1] = isFirst ? Number.NaN : (numbers[inLast + 1] ?? Number.NaN);
    numbers[inBefore + 2] = this.#lastBootSeconds;
    this.#roll(second);
    // A thousand containers a second come by here: nothing is allocated.
    const cpu = isFirst ? 0 : since(now.usageUsec, numbers[inLast] ?? 0);
    const vcpus = !isFirst && elapsed > 0 ? cpu / 1e6 / elapsed : Number.NaN;
    // Before the first reading: what the ledger has of a run that goes on, nothing of a new one.
    const before = isFirst ? inUsed : inLast;
    const rx = since(now.rxBytes, known(numbers[before + 3] ?? 0));
    const tx = since(now.txBytes, known(numbers[before + 4] ?? 0));
    const read = since(now.readBytes, known(numbers[before + 5] ?? 0));
    const write = since(now.writeBytes, known(numbers[before + 6] ?? 0));
    add(numbers, inMinute, now.memoryBytes, byteSeconds, cpu, vcpus, rx, tx, read, write);
    add(numbers, inHour, now.memoryBytes, byteSeconds, cpu, vcpus, rx, tx, read, write);
    this.recent.put(second, vcpus, now.memoryBytes, rx, tx, read, write);
    this.#note(now, byteSeconds);
    this.#lastBootSeconds = bootSeconds;
  }

  #note(now: Counters, byteSeconds: number): void {
    const numbers = this.#numbers;
    numbers[inLast] = now.usageUsec;
    numbers[inLast + 1] = now.memoryBytes;
    numbers[inLast + 2] = now.memoryPeakBytes;
    numbers[inLast + 3] = now.rxBytes;
    numbers[inLast + 4] = now.txBytes;
    numbers[inLast + 5] = now.readBytes;
    numbers[inLast + 6] = now.writeBytes;
    const memory = known(numbers[inUsed + 1] ?? 0) + byteSeconds;
    for (let field = 0; field < usedFields.length; field++) {
      const last = numbers[inLast + field] ?? Number.NaN;
      if (!Number.isNaN(last)) numbers[inUsed + field] = field === 1 ? memory : last;
    }
  }

  /** What was used up to the end: the last sample from well before it stands for the time that follows it. */
  usedUntil(bootSeconds: number): Used {
    const { used, memoryBytes } = this;
    const seconds = bootSeconds - this.#lastBootSeconds;
    if (seconds < endSeconds) {
      const [sum = Number.NaN, bytes = Number.NaN, since = 0] = this.#numbers.subarray(inBefore, inBefore + 3);
      if (this.seen === undefined || Number.isNaN(bytes)) return used;
      return { ...used, memoryByteSeconds: known(sum) + bytes * Math.min(bootSeconds - since, maxSampleSeconds) };
    }
    if (memoryBytes === undefined || seconds > maxSampleSeconds) return used;
    return { ...used, memoryByteSeconds: (used.memoryByteSeconds ?? 0) + memoryBytes * seconds };
  }

  #roll(second: number): void {
    const minute = Math.floor(second / 60);
    const hour = Math.floor(minute / 60);
    if (minute !== this.#minute) this.#endMinute();
    if (hour !== this.#hour) {
      this.#endHour();
      this.#hour = hour;
    }
    this.#minute = minute;
  }

  #endMinute(): void {
    const sums = this.#numbers.subarray(inMinute, inMinute + sumFields.length);
    const [samples = 0, cpuUsec = 0, cpuMaxMilli = 0, memoryByteSeconds = 0, ...others] = sums;
    if (samples === 0) return;
    this.#minutes ??= emptyHour();
    const values = [samples, cpuUsec, cpuMaxMilli, memoryByteSeconds / samples, ...others];
    setMinute(this.#minutes, this.#minute % 60, values);
    sums.fill(0);
  }

  get #samplesOfHour(): number {
    return this.#numbers[inHour] ?? 0;
  }

  #endHour(): void {
    if (this.#samplesOfHour > 0 && this.#minutes) this.#finished.push(this.#hourRow(this.#minutes));
    // Only the hour in which it began may have been begun by another.
    if (this.#samplesOfHour > 0) this.#merged = true;
    this.#minutes = undefined;
    this.#numbers.fill(0, inHour, inHour + sumFields.length);
  }

  #hourRow(minutes: HourMinutes): HourRow {
    const sums = this.#numbers.subarray(inHour, inHour + sumFields.length);
    return [this.#hour, ...Array.from(sums, Math.round), packHour(minutes)];
  }

  /** The hours to be written: those that are over, and the one that goes on as far as its minutes are. */
  takeHours(atEnd = false): HourRow[] {
    if (atEnd) this.#endMinute();
    const rows = this.#finished;
    this.#finished = [];
    if (this.#minutes && this.#samplesOfHour > 0) rows.push(this.#hourRow(this.#minutes));
    return rows;
  }

  /** The hour that is being gathered, until it was asked for once: an earlier run or owner may have begun it. */
  get freshHour(): number | undefined {
    return this.#merged || this.#samplesOfHour === 0 ? undefined : this.#hour;
  }

  /** Adds what is on disk of the hour, where there is something, to what was gathered of it here. */
  mergeHour(stored: StoredHour | undefined): void {
    this.#merged = true;
    if (!stored) return;
    const theirs = stored.minutes === null ? emptyHour() : unpackHour(stored.minutes);
    this.#minutes = mergeMinutes(theirs, this.#minutes ?? emptyHour());
    const numbers = this.#numbers;
    for (const [index, theirSum] of sumsOf(stored).entries()) {
      const ours = numbers[inHour + index] ?? 0;
      const isMost = sumFields[index] === "cpuMaxMilli" || sumFields[index] === "memoryMaxBytes";
      numbers[inHour + index] = isMost ? Math.max(ours, theirSum) : ours + theirSum;
    }
  }
}

/** In the order of `sumFields`. */
const sumsOf = (stored: StoredHour): number[] => [
  stored.samples,
  stored.cpu_usec,
  stored.cpu_max_milli,
  stored.memory_byte_seconds,
  stored.memory_max_bytes,
  stored.rx_bytes,
  stored.tx_bytes,
  stored.read_bytes,
  stored.write_bytes,
];

/** A row of usage_hours. */
export interface StoredHour {
  container_id: string;
  hour: number;
  samples: number;
  cpu_usec: number;
  cpu_max_milli: number;
  memory_byte_seconds: number;
  memory_max_bytes: number;
  rx_bytes: number;
  tx_bytes: number;
  read_bytes: number;
  write_bytes: number;
  minutes: Uint8Array | null;
}

/** Both hours in one. A minute that both have is of two runs: its sums add up, its mean is weighed by samples. */
function mergeMinutes(first: HourMinutes, second: HourMinutes): HourMinutes {
  const merged = emptyHour();
  for (let minute = 0; minute < 60; minute++) {
    const [a, b] = [first, second].map((hour) => minuteFields.map((_, field) => minuteField(hour, minute, field)));
    if (!a || !b) continue;
    const [samplesA = 0, samplesB = 0] = [a[0], b[0]];
    const samples = samplesA + samplesB;
    const both = minuteFields.map((name, field) => {
      const [left = 0, right = 0] = [a[field], b[field]];
      if (name === "cpuMaxMilli" || name === "memoryMaxBytes") return Math.max(left, right);
      if (name !== "memoryMeanBytes") return left + right;
      return samples === 0 ? 0 : (left * samplesA + right * samplesB) / samples;
    });
    setMinute(merged, minute, both);
  }
  return merged;
}

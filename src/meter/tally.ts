import type { BlockPool } from "./block-pool.js";
import { emptyHour, type HourMinutes, minuteField, minuteFields, packHour, setMinute, unpackHour } from "./minutes.js";
import type { Moment } from "./moment.js";
import { RecentSamples } from "./recent.js";
import type { Used } from "./segment.js";

/** Longest time in seconds that one sample of memory stands for; a gap is unknown, not a guess. */
const maxSampleSeconds = 5;

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

/** Sums of a minute, or of an hour, of one container. */
interface Sums {
  samples: number;
  cpuUsec: number;
  cpuMaxMilli: number;
  memoryByteSeconds: number;
  memoryMaxBytes: number;
  rxBytes: number;
  txBytes: number;
  readBytes: number;
  writeBytes: number;
}

const emptySums = (): Sums => ({
  samples: 0,
  cpuUsec: 0,
  cpuMaxMilli: 0,
  memoryByteSeconds: 0,
  memoryMaxBytes: 0,
  rxBytes: 0,
  txBytes: 0,
  readBytes: 0,
  writeBytes: 0,
});

/** One hour that is to be written, as the columns of usage_hours behind its container. */
export type HourRow = [hour: number, ...sums: number[], minutes: Buffer];

const known = (value: number) => (Number.isNaN(value) ? 0 : value);

/** How far a counter went; NaN where the host does not count it. */
const since = (value: number, before: number) => (value < before ? 0 : value - before);

function add(
  sums: Sums,
  memoryBytes: number,
  byteSeconds: number,
  cpuUsec: number,
  vcpus: number,
  rxBytes: number,
  txBytes: number,
  readBytes: number,
  writeBytes: number,
): void {
  sums.samples++;
  sums.cpuUsec += cpuUsec;
  sums.cpuMaxMilli = Math.max(sums.cpuMaxMilli, Math.round(known(vcpus) * 1000));
  sums.memoryByteSeconds += byteSeconds;
  sums.memoryMaxBytes = Math.max(sums.memoryMaxBytes, known(memoryBytes));
  sums.rxBytes += known(rxBytes);
  sums.txBytes += known(txBytes);
  sums.readBytes += known(readBytes);
  sums.writeBytes += known(writeBytes);
}

/** The counters in an object of the tally's own: the one they came in is used again for the next container. */
function copied(now: Counters, into: Counters | undefined): Counters {
  if (!into) return { ...now };
  into.usageUsec = now.usageUsec;
  into.memoryBytes = now.memoryBytes;
  into.memoryPeakBytes = now.memoryPeakBytes;
  into.rxBytes = now.rxBytes;
  into.txBytes = now.txBytes;
  into.readBytes = now.readBytes;
  into.writeBytes = now.writeBytes;
  return into;
}

/** What is known of one running container beside the ledger: its totals, its last seconds, the hour so far. */
export class Tally {
  readonly recent: RecentSamples;
  /** What the run has used so far. */
  used: Used;
  /** When it was last read; undefined before the first tick. */
  seen: Moment | undefined;
  #last: Counters | undefined;
  #lastBootSeconds: number;
  #minute = -1;
  #inMinute = emptySums();
  #hour = -1;
  #inHour = emptySums();
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
    this.used = { ...used };
    this.#lastBootSeconds = bootSeconds;
  }

  /** Memory at the last reading; undefined where there was none. */
  get memoryBytes(): number | undefined {
    const bytes = this.#last?.memoryBytes ?? Number.NaN;
    return Number.isNaN(bytes) ? undefined : bytes;
  }

  /** Takes a reading. `second` is the whole second of its tick. */
  take(now: Counters, second: number, at: Moment): void {
    const bootSeconds = Number(at.bootNs) / 1e9;
    this.seen = at;
    const elapsed = bootSeconds - this.#lastBootSeconds;
    const byteSeconds = known(now.memoryBytes) * Math.min(Math.max(elapsed, 0), maxSampleSeconds);
    this.#roll(second);
    const last = this.#last;
    // A thousand containers a second come by here: nothing is allocated.
    const cpu = last ? since(now.usageUsec, last.usageUsec) : 0;
    const vcpus = last && elapsed > 0 ? cpu / 1e6 / elapsed : Number.NaN;
    const rx = since(now.rxBytes, last?.rxBytes ?? 0);
    const tx = since(now.txBytes, last?.txBytes ?? 0);
    const read = since(now.readBytes, last?.readBytes ?? 0);
    const write = since(now.writeBytes, last?.writeBytes ?? 0);
    add(this.#inMinute, now.memoryBytes, byteSeconds, cpu, vcpus, rx, tx, read, write);
    add(this.#inHour, now.memoryBytes, byteSeconds, cpu, vcpus, rx, tx, read, write);
    this.recent.put(second, vcpus, now.memoryBytes, rx, tx, read, write);
    this.#note(now, byteSeconds);
    this.#last = copied(now, last);
    this.#lastBootSeconds = bootSeconds;
  }

  #note(now: Counters, byteSeconds: number): void {
    const { used } = this;
    used.cpuUsec = now.usageUsec;
    if (!Number.isNaN(now.memoryBytes)) used.memoryByteSeconds = (used.memoryByteSeconds ?? 0) + byteSeconds;
    if (!Number.isNaN(now.memoryPeakBytes)) used.memoryPeakBytes = now.memoryPeakBytes;
    if (!Number.isNaN(now.rxBytes)) used.rxBytes = now.rxBytes;
    if (!Number.isNaN(now.txBytes)) used.txBytes = now.txBytes;
    if (!Number.isNaN(now.readBytes)) used.readBytes = now.readBytes;
    if (!Number.isNaN(now.writeBytes)) used.writeBytes = now.writeBytes;
  }

  /** What was used up to the end: the last sample stands for the time that follows it. */
  usedUntil(bootSeconds: number): Used {
    const seconds = bootSeconds - this.#lastBootSeconds;
    const bytes = this.#last?.memoryBytes ?? Number.NaN;
    if (Number.isNaN(bytes) || seconds <= 0 || seconds > maxSampleSeconds) return this.used;
    return { ...this.used, memoryByteSeconds: (this.used.memoryByteSeconds ?? 0) + bytes * seconds };
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
    const sums = this.#inMinute;
    if (sums.samples === 0) return;
    this.#minutes ??= emptyHour();
    setMinute(this.#minutes, this.#minute % 60, [
      sums.samples,
      sums.cpuUsec,
      sums.cpuMaxMilli,
      sums.memoryByteSeconds / sums.samples,
      sums.memoryMaxBytes,
      sums.rxBytes,
      sums.txBytes,
      sums.readBytes,
      sums.writeBytes,
    ]);
    this.#inMinute = emptySums();
  }

  #endHour(): void {
    if (this.#inHour.samples > 0 && this.#minutes) this.#finished.push(this.#hourRow(this.#minutes));
    // Only the hour in which it began may have been begun by another.
    if (this.#inHour.samples > 0) this.#merged = true;
    this.#minutes = undefined;
    this.#inHour = emptySums();
  }

  #hourRow(minutes: HourMinutes): HourRow {
    const {
      samples,
      cpuUsec,
      cpuMaxMilli,
      memoryByteSeconds,
      memoryMaxBytes,
      rxBytes,
      txBytes,
      readBytes,
      writeBytes,
    } = this.#inHour;
    const sums = [cpuUsec, cpuMaxMilli, memoryByteSeconds, memoryMaxBytes, rxBytes, txBytes, readBytes, writeBytes];
    return [this.#hour, samples, ...sums.map(Math.round), packHour(minutes)];
  }

  /** The hours to be written: those that are over, and the one that goes on as far as its minutes are. */
  takeHours(atEnd = false): HourRow[] {
    if (atEnd) this.#endMinute();
    const rows = this.#finished;
    this.#finished = [];
    if (this.#minutes && this.#inHour.samples > 0) rows.push(this.#hourRow(this.#minutes));
    return rows;
  }

  /** The hour that is being gathered, until it was asked for once: an earlier run or owner may have begun it. */
  get freshHour(): number | undefined {
    return this.#merged || this.#inHour.samples === 0 ? undefined : this.#hour;
  }

  /** Adds what is on disk of the hour, where there is something, to what was gathered of it here. */
  mergeHour(stored: StoredHour | undefined): void {
    this.#merged = true;
    if (!stored) return;
    const theirs = stored.minutes === null ? emptyHour() : unpackHour(stored.minutes);
    this.#minutes = mergeMinutes(theirs, this.#minutes ?? emptyHour());
    const sums = this.#inHour;
    sums.samples += stored.samples;
    sums.cpuUsec += stored.cpu_usec;
    sums.cpuMaxMilli = Math.max(sums.cpuMaxMilli, stored.cpu_max_milli);
    sums.memoryByteSeconds += stored.memory_byte_seconds;
    sums.memoryMaxBytes = Math.max(sums.memoryMaxBytes, stored.memory_max_bytes);
    sums.rxBytes += stored.rx_bytes;
    sums.txBytes += stored.tx_bytes;
    sums.readBytes += stored.read_bytes;
    sums.writeBytes += stored.write_bytes;
  }
}

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

import type { UsageCurve, UsageFilter } from "../api.js";
import { instant, second } from "./instant.js";
import type { LedgerStore } from "./ledger-store.js";
import { minuteField, minuteFields, unpackHour } from "./minutes.js";
import { recentFields, recentSeconds } from "./recent.js";
import type { StoredHour, Tally } from "./tally.js";

/** Whose curve it is. */
export interface Subject {
  id: string;
  name: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
}

/** Spans that reach no further back than this come second by second. */
const mostSeconds = recentSeconds;

/** Curves drawn from minutes without a span asked for: a day. */
const defaultSeconds = 86_400;

const field = (name: (typeof minuteFields)[number]) => minuteFields.indexOf(name);

/** Use over time of some containers: by the second from memory where the span is short and recent, else by the minute. */
export function curves(
  store: LedgerStore,
  subjects: readonly Subject[],
  tallies: { running: ReadonlyMap<string, Tally>; ended: ReadonlyMap<string, Tally> },
  filter: UsageFilter,
  nowSeconds: number,
): UsageCurve[] {
  const until = filter.until === undefined ? nowSeconds : Number(instant("until", filter.until) / second);
  const since = filter.since === undefined ? until - defaultSeconds : Number(instant("since", filter.since) / second);
  if (nowSeconds - since <= mostSeconds) {
    return subjects.flatMap((subject) => {
      const tally = tallies.running.get(subject.id) ?? tallies.ended.get(subject.id);
      return tally ? [bySecond(subject, tally, since, Math.min(until, nowSeconds))] : [];
    });
  }
  for (const [id, tally] of tallies.running) writeHours(store, id, tally);
  store.flush();
  const wanted = new Map(subjects.map((subject) => [subject.id, subject]));
  const found = new Map<string, UsageCurve>();
  const rows = store.database
    .prepare("SELECT * FROM usage_hours WHERE hour >= ? AND hour <= ? ORDER BY hour")
    .all(Math.floor(since / 3600), Math.floor(until / 3600)) as StoredHour[];
  for (const row of rows) {
    const subject = wanted.get(row.container_id);
    if (!subject) continue;
    const curve = found.get(subject.id) ?? emptyCurve(subject, 60);
    found.set(subject.id, curve);
    addHour(curve, row, since, until);
  }
  return [...found.values()].filter(({ times }) => times.length > 0);
}

/** Queues what a tally has gathered for the disk. */
export function writeHours(store: LedgerStore, id: string, tally: Tally, atEnd = false): void {
  const fresh = tally.freshHour;
  if (fresh !== undefined) {
    tally.mergeHour(store.readHour(fresh, id) as StoredHour | undefined);
  }
  for (const row of tally.takeHours(atEnd)) store.write("hour", id, ...row);
}

function emptyCurve(subject: Subject, stepSeconds: 1 | 60): UsageCurve {
  return {
    ...subject,
    stepSeconds,
    times: [],
    vcpus: [],
    vcpusMax: [],
    memory: [],
    memoryMax: [],
    rxBytes: [],
    txBytes: [],
    readBytes: [],
    writeBytes: [],
  };
}

function bySecond(subject: Subject, tally: Tally, since: number, until: number): UsageCurve {
  const curve = emptyCurve(subject, 1);
  for (let time = Math.ceil(since); time <= until; time++) {
    const value = (name: (typeof recentFields)[number]) => {
      const read = tally.recent.at(time, recentFields.indexOf(name));
      return Number.isNaN(read) ? null : read;
    };
    // What comes before the first sample is no gap.
    if (curve.times.length === 0 && value("memoryBytes") === null && value("vcpus") === null) continue;
    curve.times.push(time);
    curve.vcpus.push(value("vcpus"));
    curve.vcpusMax.push(value("vcpus"));
    curve.memory.push(value("memoryBytes"));
    curve.memoryMax.push(value("memoryBytes"));
    curve.rxBytes.push(value("rxBytes"));
    curve.txBytes.push(value("txBytes"));
    curve.readBytes.push(value("readBytes"));
    curve.writeBytes.push(value("writeBytes"));
  }
  return curve;
}

/** An hour whose minutes retention took is one point, at its middle. */
function addHour(curve: UsageCurve, row: StoredHour, since: number, until: number): void {
  const start = row.hour * 3600;
  if (row.minutes === null) {
    const mean = row.samples === 0 ? 0 : row.memory_byte_seconds / row.samples;
    addPoint(curve, start + 1800, [
      row.samples,
      row.cpu_usec,
      row.cpu_max_milli,
      mean,
      row.memory_max_bytes,
      row.rx_bytes,
      row.tx_bytes,
      row.read_bytes,
      row.write_bytes,
    ]);
    return;
  }
  const hour = unpackHour(row.minutes);
  for (let minute = 0; minute < 60; minute++) {
    const time = start + minute * 60;
    const values = minuteFields.map((_, index) => minuteField(hour, minute, index));
    const measured = (values[0] ?? 0) > 0;
    if (time + 60 <= since || time >= until || (!measured && curve.times.length === 0)) continue;
    addPoint(curve, time, measured ? values : undefined);
  }
}

function addPoint(curve: UsageCurve, time: number, values: readonly number[] | undefined): void {
  const value = (name: (typeof minuteFields)[number], per = 1) => (values ? (values[field(name)] ?? 0) / per : null);
  const samples = values?.[0] ?? 0;
  curve.times.push(time);
  curve.vcpus.push(value("cpuUsec", 1e6 * Math.max(samples, 1)));
  curve.vcpusMax.push(value("cpuMaxMilli", 1000));
  curve.memory.push(value("memoryMeanBytes"));
  curve.memoryMax.push(value("memoryMaxBytes"));
  curve.rxBytes.push(value("rxBytes"));
  curve.txBytes.push(value("txBytes"));
  curve.readBytes.push(value("readBytes"));
  curve.writeBytes.push(value("writeBytes"));
}

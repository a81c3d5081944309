import type { UsageCurve, UsageFilter } from "../api.js";
import { instant, second } from "./instant.js";
import type { LedgerStore } from "./ledger-store.js";
import { minuteField, minuteFields, unpackHour } from "./minutes.js";
import { recentSeconds } from "./recent.js";
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

/** What a point of a curve has beside its time. */
const pointFields = [
  "vcpus",
  "vcpusMax",
  "memory",
  "memoryMax",
  "rxBytes",
  "txBytes",
  "readBytes",
  "writeBytes",
] as const;

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
  for (const { second: time, values } of tally.recent.seconds(since, until)) {
    // What comes before the first sample is no gap; a clock that was set back may bring a second again.
    const before = curve.times.at(-1) ?? time - 1;
    if (time <= before) continue;
    for (let missed = before + 1; missed < time; missed++) addPoint(curve, missed);
    const [vcpus = null, memory = null, ...traffic] = values.map((value) => (Number.isNaN(value) ? null : value));
    addPoint(curve, time, [vcpus, vcpus, memory, memory, ...traffic]);
  }
  const last = curve.times.at(-1);
  if (last !== undefined) for (let missed = last + 1; missed <= until; missed++) addPoint(curve, missed);
  return curve;
}

/** An hour whose minutes retention took is one point, at its middle. */
function addHour(curve: UsageCurve, row: StoredHour, since: number, until: number): void {
  const start = row.hour * 3600;
  if (row.minutes === null) {
    const mean = row.samples === 0 ? 0 : row.memory_byte_seconds / row.samples;
    addMinutes(curve, start + 1800, [
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
    if (measured) addMinutes(curve, time, values);
    else addPoint(curve, time);
  }
}

/** @param values in the order of `minuteFields` */
function addMinutes(curve: UsageCurve, time: number, values: readonly number[]): void {
  const [samples = 0, cpuUsec = 0, cpuMaxMilli = 0, ...others] = values;
  addPoint(curve, time, [cpuUsec / 1e6 / Math.max(samples, 1), cpuMaxMilli / 1000, ...others]);
}

/** @param values in the order of `pointFields`; without them nobody measured it */
function addPoint(curve: UsageCurve, time: number, values: readonly (number | null)[] = []): void {
  curve.times.push(time);
  for (const [index, name] of pointFields.entries()) curve[name].push(values[index] ?? null);
}

import { type Answer, type Measure, type Series, valuesOf } from "./harness/answer.js";
import type { Table } from "./report/table.js";
import { significant, withUnit } from "./report/units.js";
import { type Ratio, ratioOf } from "./statistics/ratio.js";
import { type Statistic, statistics } from "./statistics/summary.js";

/** What granule wants to reach, against a peer of the same run or as a figure by itself. */
export interface Goal {
  what: string;
  /** The question that answers it. */
  question: string;
  measure: string;
  subject: string;
  at?: number;
  statistic?: Statistic;
  /** The series that the ratio is made to; without one the value itself counts. */
  against?: { subject: string; at?: number };
  atMost?: number;
  atLeast?: number;
}

const MiB = 2 ** 20;
const throughput = {
  question: "throughput",
  measure: "throughput.rate",
  subject: "granule",
  at: 4,
  against: { subject: "crun", at: 4 },
};
const density = { question: "density", subject: "granule", at: 1000 };
const thousand = { question: "thousand", subject: "granule" };
const unpack = { question: "unpack", measure: "unpack.gzip", subject: "granule" };
const metering = { question: "metering", subject: "granule" };
const start = { question: "start", measure: "start.first-instruction", subject: "granule" };

/** A measure of the channel. */
function channel(quantity: string, subject: string): Pick<Goal, "question" | "measure" | "subject"> {
  return { question: "channel", measure: `channel.${quantity}`, subject };
}

export const goals: Goal[] = [
  { ...start, what: "cold start, p50, to crun", against: { subject: "crun" }, atMost: 0.23 },
  {
    ...start,
    subject: "granule-unprepared",
    what: "the same with nothing made ahead",
    against: { subject: "crun" },
    atMost: 0.23,
  },
  { ...start, what: "cold start, p50, to runc", against: { subject: "runc" }, atMost: 0.05 },
  { ...start, what: "cold start, p50, to bubblewrap", against: { subject: "bwrap" }, atMost: 0.6 },
  { ...start, what: "cold start, p99, to crun's p99", against: { subject: "crun" }, statistic: "p99", atMost: 0.35 },
  {
    ...start,
    subject: "granule-warm",
    what: "start from a warm slot, p50, to crun",
    against: { subject: "crun" },
    atMost: 0.06,
  },
  { ...throughput, what: "4 at once, to crun", atLeast: 2.5 },
  {
    ...throughput,
    subject: "granule-pooled",
    what: "4 at once, namespaces made ahead, to crun",
    atLeast: 4,
  },
  {
    question: "exec",
    measure: "exec.first-instruction",
    subject: "granule",
    what: "exec into a running container, p50, to crun",
    against: { subject: "crun" },
    atMost: 0.25,
  },
  { ...density, measure: "density.monitor", what: "monitor, PSS, of 1000", atMost: 0.5 * MiB },
  { ...density, measure: "density.whole", what: "all memory of a container but its payload, of 1000", atMost: MiB },
  {
    question: "sampling",
    measure: "sampling.share",
    subject: "granule",
    at: 1000,
    what: "sampling 1000 each second, of one core",
    atMost: 0.02,
  },
  { ...metering, measure: "metering.share", what: "metering 1000 with the ledger, of one core", atMost: 0.02 },
  { ...metering, measure: "metering.memory", what: "memory of metering 1000", atMost: 50e6 },
  { ...metering, measure: "metering.growth", what: "ledger of a container-hour", atMost: 1024 },
  { ...metering, measure: "metering.query", what: "sums by tag over 1,000,000 records", atMost: 1e9 },
  {
    question: "scale",
    measure: "scale.first-instruction",
    subject: "granule",
    at: 1000,
    what: "start with 1000 standing, p50, to none",
    against: { subject: "granule", at: 0 },
    atMost: 1.3,
  },
  { ...thousand, measure: "thousand.errors", what: "1000 started, sampled and stopped: errors", atMost: 0 },
  { ...thousand, measure: "thousand.absent", what: "the same: samples that did not come", atMost: 0 },
  { ...unpack, what: "unpack gzip, to node-tar", against: { subject: "node-tar" }, atMost: 1 / 12 },
  { ...unpack, what: "unpack gzip, to bsdtar", against: { subject: "bsdtar" }, atMost: 1 / 2 },
  { ...unpack, what: "unpack gzip, to umoci", against: { subject: "umoci" }, atMost: 1 / 4 },
  { ...unpack, what: "unpack gzip, to containers-storage", against: { subject: "skopeo" }, atMost: 1 / 4 },
  {
    ...unpack,
    what: "memory of unpacking zstd",
    measure: "unpack.zstd.memory",
    atMost: 150 * MiB,
  },
  { ...unpack, what: "memory of unpacking gzip", measure: "unpack.gzip.memory", atMost: 150 * MiB },
  {
    question: "pull",
    measure: "pull.whole",
    subject: "pull",
    what: "pull from loopback, to unpacking alone",
    against: { subject: "unpack" },
    atMost: 1.15,
  },
  { ...channel("calls", "closed"), what: "calls a second on one core", atLeast: 20_000 },
  { ...channel("latency", "paced"), what: "a call at 20,000 a second, p99", statistic: "p99", atMost: 500_000 },
  { ...channel("stream", "exec"), what: "container output to a reader", atLeast: 300e6 },
  { ...channel("idle", "idle"), what: "an idle connection", atMost: 40 * 1024 },
  { ...channel("samples", "subscribers"), what: "samples with 500 subscribers", statistic: "p99", atMost: 1e9 },
];

export interface Verdict {
  goal: Goal;
  state: "reached" | "short" | "not measured";
  value?: number;
  ratio?: Ratio;
  /** How far off: what is left times the goal, 1 at the goal itself. */
  offBy?: number;
}

/** Judges goals by the answers of one run. */
export function judge(answers: readonly Answer[], wanted: readonly Goal[] = goals): Verdict[] {
  const measures = new Map(answers.flatMap(({ measures }) => measures).map((measure) => [measure.key, measure]));
  return wanted.map((goal) => judgeOne(goal, measures.get(goal.measure)));
}

function judgeOne(goal: Goal, measure: Measure | undefined): Verdict {
  const find = (subject: string, at?: number): Series | undefined =>
    measure?.series.find((series) => series.subject === subject && (at === undefined || series.at === at));
  const series = find(goal.subject, goal.at);
  if (series === undefined || valuesOf(series).length === 0) return { goal, state: "not measured" };
  const statistic = goal.statistic ?? "p50";
  if (goal.against === undefined) return verdict(goal, statistics[statistic](valuesOf(series)));
  const reference = find(goal.against.subject, goal.against.at);
  if (reference === undefined) return { goal, state: "not measured" };
  const ratio = ratioOf(series.batches, reference.batches, statistic);
  return { ...verdict(goal, ratio.value), ratio };
}

function verdict(goal: Goal, value: number): Verdict {
  const offBy = goal.atMost === undefined ? (goal.atLeast ?? 0) / value : value / goal.atMost;
  const reached = goal.atMost === undefined ? value >= (goal.atLeast ?? 0) : value <= goal.atMost;
  return { goal, state: reached ? "reached" : "short", value, offBy };
}

/** The goals with what was seen of each. */
export function goalsTable(verdicts: readonly Verdict[], measures: readonly Measure[]): Table {
  const columns = ["what", "goal", "seen", ""].map((title) => ({ title }));
  const rows = verdicts.map((entry) => {
    const { goal } = entry;
    return [goal.what, goalText(goal, measures), seenText(entry, measures), stateText(entry)];
  });
  return { title: "goals", columns, rows };
}

function figure(goal: Goal, value: number, measures: readonly Measure[]): string {
  if (goal.against !== undefined) return `${significant(value)} x`;
  const unit = measures.find(({ key }) => key === goal.measure)?.unit;
  return unit === undefined ? significant(value) : withUnit(unit, value);
}

function goalText(goal: Goal, measures: readonly Measure[]): string {
  return goal.atMost === undefined
    ? `>= ${figure(goal, goal.atLeast ?? 0, measures)}`
    : `<= ${figure(goal, goal.atMost, measures)}`;
}

function seenText({ goal, value, ratio }: Verdict, measures: readonly Measure[]): string {
  if (value === undefined) return "-";
  const range = ratio === undefined ? "" : ` (${significant(ratio.low)} to ${significant(ratio.high)})`;
  return figure(goal, value, measures) + range;
}

function stateText({ state, offBy, ratio, goal }: Verdict): string {
  const limit = goal.atMost ?? goal.atLeast;
  const close =
    ratio !== undefined && limit !== undefined && ratio.low <= limit && limit <= ratio.high ? ", within noise" : "";
  if (state === "short" && limit === 0) return "short";
  if (state === "short") return `short by ${significant(offBy ?? Number.NaN)} x${close}`;
  return state + (state === "reached" ? close : "");
}

import { type Column, formatTable } from "../src/cli/format/table.js";
import { type Answer, type Measure, type Series, valuesOf } from "./harness/answer.js";
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

const start = { question: "start", measure: "start.first-instruction", subject: "granule" };

export const goals: Goal[] = [
  { ...start, what: "cold start, p50, to crun", against: { subject: "crun" }, atMost: 0.23 },
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

/** Lines of the table of goals. */
export function goalsText(verdicts: readonly Verdict[], measures: readonly Measure[]): string[] {
  const columns: Column[] = [{ title: "what" }, { title: "goal" }, { title: "seen" }, { title: "" }];
  const rows = verdicts.map((entry) => [
    entry.goal.what,
    goalText(entry.goal, measures),
    seenText(entry, measures),
    stateText(entry),
  ]);
  return formatTable(columns, rows);
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
  if (state === "short") return `short by ${significant(offBy ?? Number.NaN)} x${close}`;
  return state + (state === "reached" ? close : "");
}

import { type Column, formatPairs, formatTable } from "../../src/cli/format/table.js";
import type { Answer, Measure, Series } from "../harness/answer.js";
import { valuesOf } from "../harness/answer.js";
import { ratioOf } from "../statistics/ratio.js";
import { summarize } from "../statistics/summary.js";
import { ratioText, shownAs, significant } from "./units.js";

/** The series that a series is compared to: the reference's at the same place. */
export function referenceOf(measure: Measure, series: Series): Series | undefined {
  if (measure.reference === undefined || series.subject === measure.reference) return undefined;
  return measure.series.find(({ subject, at }) => subject === measure.reference && at === series.at);
}

/** Lines of one measure's table. */
export function measureTable(measure: Measure): string[] {
  const summaries = measure.series.map((series) => summarize(valuesOf(series)));
  const shown = shownAs(measure.unit, summarize(summaries.map(({ p50 }) => p50)).p50);
  const reference = measure.series.find(({ subject }) => subject === measure.reference);
  const right = (title: string): Column => ({ title, align: "right" });
  const columns: Column[] = [{ title: shown.unit === "" ? "" : shown.unit }];
  if (measure.axis !== undefined) columns.push(right(measure.axis));
  columns.push(...["min", "p50", "± MAD", "p90", "p99", "max", "n", "outliers"].map(right));
  if (reference) columns.push({ title: `p50 x ${reference.name}` });
  const rows = measure.series.map((series, index) => {
    const summary = summaries[index] ?? summarize([]);
    const { min, p50, mad, p90, p99, max } = summary;
    const row = [series.name];
    if (measure.axis !== undefined) row.push(series.at === undefined ? "" : String(series.at));
    row.push(...[min, p50, mad, p90, p99, max].map(shown.text), String(summary.count), String(summary.outliers));
    if (reference) row.push(ratioCell(measure, series));
    return row;
  });
  return [`${measure.title} (${measure.better} is better)`, ...formatTable(columns, rows).map((line) => `  ${line}`)];
}

function ratioCell(measure: Measure, series: Series): string {
  if (series.subject === measure.reference) return "1";
  const reference = referenceOf(measure, series);
  return reference === undefined ? "" : ratioText(ratioOf(series.batches, reference.batches));
}

/** Lines of all that one question answered. */
export function answerText(answer: Answer): string[] {
  const lines: string[] = [];
  for (const measure of answer.measures) lines.push(...measureTable(measure), "");
  const does = new Map<string, string>();
  for (const series of answer.measures.flatMap((measure) => measure.series)) {
    if (series.does !== undefined) does.set(series.name, series.does);
  }
  if (does.size > 0) lines.push("what each does:", ...formatPairs([...does]).map((line) => `  ${line}`), "");
  for (const { subject, reason } of answer.missing) lines.push(`not measured: ${subject}: ${reason}`);
  for (const note of answer.notes) lines.push(`note: ${note}`);
  const { ground } = answer;
  const pressure =
    ground.cpuPressure === undefined ? "" : `, a CPU was waited for ${percent(ground.cpuPressure)} of the time`;
  lines.push(`ground: cgroup ${ground.cgroup}; ${ground.folder}`);
  lines.push(
    `load ${significant(ground.loadBefore)} before, ${significant(ground.loadAfter)} after${pressure}; ${ground.seconds.toFixed(0)} s`,
  );
  return lines;
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

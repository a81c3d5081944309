import { readFileSync } from "node:fs";
import { type Column, formatTable } from "../src/cli/format/table.js";
import { GranuleError } from "../src/errors.js";
import { type Measure, type Result, type Series, valuesOf } from "./harness/answer.js";
import type { Table } from "./report/table.js";
import { ratioText, withUnit } from "./report/units.js";
import { type Ratio, ratioOf } from "./statistics/ratio.js";
import { statistics } from "./statistics/summary.js";

/** One series that stands in two results. */
export interface Change {
  measure: Measure;
  series: Series;
  before: number;
  after: number;
  /** After as a multiple of before. */
  ratio: Ratio;
  verdict: "better" | "worse" | "within noise";
}

/** @throws GranuleError INVALID_ARGUMENT where the file is no result of the benchmark */
export function readResult(path: string): Result {
  let result: Partial<Result>;
  try {
    result = JSON.parse(readFileSync(path, "utf8")) as Partial<Result>;
  } catch (thrown) {
    throw new GranuleError("INVALID_ARGUMENT", `--compare: ${path} cannot be read`, { path, cause: thrown });
  }
  if (result?.format !== "granule-bench-1")
    throw new GranuleError("INVALID_ARGUMENT", `--compare: ${path} is no result of this benchmark`);
  return result as Result;
}

/** Every series that both results have, by medians. */
export function compareResults(before: Result, after: Result): Change[] {
  const old = new Map(before.answers.flatMap(({ measures }) => measures).map((measure) => [measure.key, measure]));
  const changes: Change[] = [];
  for (const measure of after.answers.flatMap(({ measures }) => measures)) {
    for (const series of measure.series) {
      const match = old
        .get(measure.key)
        ?.series.find(({ subject, at }) => subject === series.subject && at === series.at);
      if (match) changes.push(changeOf(measure, match, series));
    }
  }
  return changes;
}

function changeOf(measure: Measure, before: Series, series: Series): Change {
  const ratio = ratioOf(series.batches, before.batches);
  const improved = measure.better === "lower" ? ratio.value < 1 : ratio.value > 1;
  return {
    measure,
    series,
    before: statistics.p50(valuesOf(before)),
    after: statistics.p50(valuesOf(series)),
    ratio,
    verdict: ratio.distinct ? (improved ? "better" : "worse") : "within noise",
  };
}

/** Fields of the host whose change makes two results hard to compare. */
const hostFields = ["kernel", "cpu", "cpus", "governor", "memoryBytes", "cgroup", "node"];

/** What of the host differs, a line each. */
export function hostChanges(before: Result, after: Result): string[] {
  return hostFields.flatMap((field) => {
    const [was, is] = [before.host[field], after.host[field]].map(String);
    return was === is ? [] : [`the host differs: ${field} was ${was} and is ${is}`];
  });
}

export function compareTable(before: Result, after: Result): Table {
  const rows = compareResults(before, after).map(({ measure, series, before: was, after: is, ratio, verdict }) => [
    measure.key,
    series.name + (series.at === undefined ? "" : ` at ${series.at}`),
    withUnit(measure.unit, was),
    withUnit(measure.unit, is),
    verdict === "within noise" ? "" : ratioText(ratio),
    verdict,
  ]);
  const columns: Column[] = [
    { title: "measure" },
    { title: "subject" },
    { title: "before", align: "right" },
    { title: "after", align: "right" },
    { title: "after / before" },
    { title: "" },
  ];
  return { title: "since then", columns, rows };
}

export function compareText(before: Result, after: Result): string[] {
  const { columns, rows } = compareTable(before, after);
  const table = rows.length === 0 ? ["no measure stands in both results"] : formatTable(columns, rows);
  return [...hostChanges(before, after), ...table];
}

import type { Column } from "../../src/cli/format/table.js";
import { type Measure, type Series, valuesOf } from "../harness/answer.js";
import { ratioOf } from "../statistics/ratio.js";
import { type Summary, summarize } from "../statistics/summary.js";
import { ratioText, shownAs } from "./units.js";

/** A measure as rows of text, for a terminal and a page alike. */
export interface Table {
  title: string;
  columns: Column[];
  rows: string[][];
}

export function measureTable(measure: Measure): Table {
  const summaries = measure.series.map((series) => summarize(valuesOf(series)));
  const shown = shownAs(measure.unit, summarize(summaries.map(({ p50 }) => p50)).p50);
  const reference = measure.series.find(({ subject }) => subject === measure.reference);
  // Of single values there is no shape to tell.
  const single = summaries.every(({ count }) => count === 1);
  const shape = single ? ["value"] : ["min", "p50", "± MAD", "p90", "p99", "max", "n", "outliers"];
  const columns: Column[] = [{ title: shown.unit }];
  if (measure.axis !== undefined) columns.push({ title: measure.axis, align: "right" });
  columns.push(...shape.map((title): Column => ({ title, align: "right" })));
  if (reference) columns.push({ title: `p50 x ${reference.name}` });
  const rows = measure.series.map((series, index) => {
    const row = [series.name];
    if (measure.axis !== undefined) row.push(series.at === undefined ? "" : String(series.at));
    row.push(...shapeCells(summaries[index] ?? summarize([]), shown.text, single));
    if (reference) row.push(ratioCell(measure, series));
    return row;
  });
  return { title: `${measure.title} (${measure.better} is better)`, columns, rows };
}

function shapeCells(summary: Summary, text: (value: number) => string, single: boolean): string[] {
  if (single) return [text(summary.p50)];
  const { min, p50, mad, p90, p99, max, count, outliers } = summary;
  return [...[min, p50, mad, p90, p99, max].map(text), String(count), String(outliers)];
}

function ratioCell(measure: Measure, series: Series): string {
  if (series.subject === measure.reference) return "1";
  const reference = measure.series.find(({ subject, at }) => subject === measure.reference && at === series.at);
  return reference === undefined ? "" : ratioText(ratioOf(series.batches, reference.batches));
}

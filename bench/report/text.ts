import { formatPairs, formatTable } from "../../src/cli/format/table.js";
import type { Answer } from "../harness/answer.js";
import { measureTable } from "./table.js";
import { significant } from "./units.js";

/** Lines of all that one question answered. */
export function answerText(answer: Answer): string[] {
  const lines: string[] = [];
  for (const measure of answer.measures) {
    const { title, columns, rows } = measureTable(measure);
    lines.push(title, ...formatTable(columns, rows).map((line) => `  ${line}`), "");
  }
  const does = doesOf(answer);
  if (does.length > 0) lines.push("what each does:", ...formatPairs(does).map((line) => `  ${line}`), "");
  lines.push(...remarks(answer));
  return lines;
}

/** What each subject does and does not do, each once. */
export function doesOf(answer: Answer): [name: string, does: string][] {
  const does = new Map<string, string>();
  for (const series of answer.measures.flatMap((measure) => measure.series)) {
    if (series.does !== undefined) does.set(series.name, series.does);
  }
  return [...does];
}

/** What is missing, what else is to be said, and the ground. */
export function remarks({ missing, notes, ground }: Answer): string[] {
  const pressure =
    ground.cpuPressure === undefined
      ? ""
      : `, processes waited for a CPU ${(ground.cpuPressure * 100).toFixed(0)} % of the time`;
  return [
    ...missing.map(({ subject, reason }) => `not measured: ${subject}: ${reason}`),
    ...notes.map((note) => `note: ${note}`),
    `ground: cgroup ${ground.cgroup}; ${ground.folder}`,
    `load ${significant(ground.loadBefore)} before, ${significant(ground.loadAfter)} after${pressure}; ${ground.seconds.toFixed(0)} s`,
  ];
}

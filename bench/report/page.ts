import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { compareTable } from "../compare.js";
import { goalsTable, type Verdict } from "../goals.js";
import type { Answer, Measure, Result } from "../harness/answer.js";
import { type Chart, chartsOf } from "./charts.js";
import { pageStyle } from "./page-style.js";
import { measureTable, type Table } from "./table.js";
import { doesOf, remarks } from "./text.js";

export interface PageInput {
  result: Result;
  verdicts: Verdict[];
  /** The result that this one is compared to. */
  before?: Result;
}

/** One page that needs nothing else: tables, charts and the host, with uPlot written into it. */
export function page({ result, verdicts, before }: PageInput): string {
  const { answers, failures } = result;
  const measures = answers.flatMap((answer) => answer.measures);
  const links = answers
    .map(({ question }) => `<a href="#${escapeHtml(question)}">${escapeHtml(question)}</a>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>granule benchmark, ${escapeHtml(result.startedAt.slice(0, 16))}</title>
<style>${uPlotFile("uPlot.min.css")}${pageStyle}</style>
</head>
<body>
<h1>granule benchmark</h1>
<p class="soft">${escapeHtml(subtitle(result))}</p>
<nav>${links}</nav>
${verdicts.length === 0 ? "" : `<h2>goals</h2>${tableHtml(goalsTable(verdicts, measures))}`}
${before === undefined ? "" : `<h2>since ${escapeHtml(before.startedAt)}</h2>${tableHtml(compareTable(before, result))}`}
${failures.map(({ question, error }) => `<h2>${escapeHtml(question)}</h2><p class="short">failed: ${escapeHtml(error)}</p>`).join("\n")}
${answers.map(answerHtml).join("\n")}
<h2>host</h2>
${tableHtml({ title: "", columns: [{ title: "" }, { title: "" }], rows: Object.entries(result.host).map(([key, value]) => [key, String(value)]) })}
<script>${inScript(uPlotFile("uPlot.iife.min.js"))}</script>
<script type="module">${inScript(clientScript())}</script>
</body>
</html>
`;
}

function subtitle({ startedAt, host, command }: Result): string {
  const { cpu, cpus, kernel, system, granule } = host;
  return `${startedAt.slice(0, 19).replace("T", " ")} UTC; granule ${granule}; ${cpus} x ${cpu}; Linux ${kernel}, ${system}; bench ${command.join(" ")}`;
}

function answerHtml(answer: Answer): string {
  const does = doesOf(answer).map(
    ([name, text]) => `<tr><td>${escapeHtml(name)}</td><td class="wrap">${escapeHtml(text)}</td></tr>`,
  );
  return `<section id="${escapeHtml(answer.question)}">
<h2>${escapeHtml(answer.question)}</h2>
<p class="soft">${escapeHtml(answer.asks)}</p>
${answer.measures.map(measureHtml).join("\n")}
${does.length === 0 ? "" : `<details><summary>what each does</summary><table>${does.join("")}</table></details>`}
<ul>${remarks(answer)
    .map((line) => `<li>${escapeHtml(line)}</li>`)
    .join("")}</ul>
</section>`;
}

function measureHtml(measure: Measure): string {
  const charts = chartsOf(measure).map(chartHtml);
  const table = measureTable(measure);
  return `<h3>${escapeHtml(table.title)}</h3>
${tableHtml(table)}
${charts.length === 0 ? "" : `<div class="charts">${charts.join("\n")}</div>`}`;
}

function chartHtml(chart: Chart): string {
  const rounded = {
    ...chart,
    data: chart.data.map((line) => line.map((value) => value && Number(value.toPrecision(6)))),
  };
  const json = JSON.stringify(rounded).replaceAll("<", "\\u003c");
  return `<div><h4>${escapeHtml(chart.title)}</h4><div class="chart"><script type="application/json">${json}</script></div></div>`;
}

function tableHtml({ columns, rows }: Table): string {
  const side = (index: number): string => (columns[index]?.align === "right" ? ' class="right"' : "");
  const head = columns.map(({ title }, index) => `<th${side(index)}>${escapeHtml(title)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((cell, index) => cellHtml(cell, side(index))).join("")}</tr>`);
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}

function cellHtml(cell: string, side: string): string {
  const mood = /^(reached|better)/.test(cell) ? "reached" : /^(short|worse)/.test(cell) ? "short" : undefined;
  return `<td${mood === undefined ? side : ` class="${mood}"`}>${escapeHtml(cell)}</td>`;
}

const uPlotFile = (name: string): string =>
  readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), "utf8");

/** The compiled client without the marks of a module that has nothing to export. */
function clientScript(): string {
  const text = readFileSync(new URL("page-client.js", import.meta.url), "utf8");
  return text.replace(/^export \{\};$/m, "").replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

const inScript = (text: string): string => text.replaceAll("</script", "<\\/script");

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);

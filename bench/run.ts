import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { painter } from "../src/cli/format/colour.js";
import { formatTable } from "../src/cli/format/table.js";
import { GranuleError } from "../src/errors.js";
import { compareText, readResult } from "./compare.js";
import { goals, goalsTable, judge, type Verdict } from "./goals.js";
import type { Answer, Failure, Measure, Result } from "./harness/answer.js";
import { collect, isFailure } from "./harness/collect.js";
import { describeHost } from "./harness/host.js";
import type { BenchOptions } from "./harness/question.js";
import { collectInVm } from "./harness/vm.js";
import { questions } from "./questions.js";
import { type PageInput, page } from "./report/page.js";
import { answerText } from "./report/text.js";

export interface RunOptions {
  /** Questions; all of them where it is empty. `goals` stands for those that granule has goals for. */
  names: string[];
  bench: BenchOptions;
  /** Folder of the results. */
  out: string;
  vm: boolean;
  compare?: string;
  /** Print the host and the answers as JSON and write no files. */
  jsonLines: boolean;
}

const known = (): string[] => Object.keys(questions);

/** The questions to ask, each once, in the order of the list. */
function questionsOf(names: string[]): string[] {
  const stranger = names.find((name) => name !== "goals" && !known().includes(name));
  if (stranger !== undefined) {
    throw new GranuleError("INVALID_ARGUMENT", `there is no question ${stranger}`, {
      hint: `there are ${known().join(", ")}; and goals, for those that granule has goals for`,
    });
  }
  if (names.length === 0) return known();
  const wanted = new Set(names.flatMap((name) => (name === "goals" ? goals.map(({ question }) => question) : [name])));
  return known().filter((name) => wanted.has(name));
}

/** Asks, reports and writes down; resolves to the exit code. */
export async function runBench(options: RunOptions): Promise<number> {
  const names = questionsOf(options.names);
  const before = options.compare === undefined ? undefined : readResult(options.compare);
  if (options.jsonLines) return printJsonLines(names, options.bench);

  const result: Result = {
    format: "granule-bench-1",
    startedAt: new Date().toISOString(),
    command: process.argv.slice(2).filter((word, index) => index > 0 || word !== "bench"),
    host: options.vm ? {} : describeHost(),
    answers: [],
    failures: [],
  };
  const bold = (text: string): string => painter(process.stdout)("bold", text);
  const print = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
  const entries = options.vm
    ? collectInVm(names, options.bench, (host) => (result.host = host))
    : collect(names, options.bench);
  for await (const entry of entries) {
    if (isFailure(entry)) {
      result.failures.push(entry);
      print(bold(`== ${entry.question}`), `failed: ${entry.error}`, "");
    } else {
      result.answers.push(entry);
      print(bold(`== ${entry.question}`), ...answerText(entry), "");
    }
  }
  const measures = result.answers.flatMap((answer) => answer.measures);
  const verdicts = judge(result.answers).filter(({ goal }) => names.includes(goal.question));
  if (verdicts.length > 0) print(bold("== goals"), ...goalsText(verdicts, measures), "");
  if (before) print(bold(`== since ${before.startedAt}`), ...compareText(before, result), "");
  print(...writeResult({ result, verdicts, ...(before ? { before } : {}) }, options.out));
  return result.failures.length === 0 ? 0 : 1;
}

function goalsText(verdicts: Verdict[], measures: Measure[]): string[] {
  const { columns, rows } = goalsTable(verdicts, measures);
  return formatTable(columns, rows);
}

async function printJsonLines(names: string[], bench: BenchOptions): Promise<number> {
  const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  print({ host: describeHost() });
  let code = 0;
  for await (const entry of collect(names, bench)) {
    if (isFailure(entry)) code = 1;
    print(entry satisfies Answer | Failure);
  }
  return code;
}

/** Writes the result beside its page; the paths. */
function writeResult(input: PageInput, folder: string): string[] {
  const { result } = input;
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `bench-${result.startedAt.replaceAll(":", "-")}`);
  writeFileSync(`${base}.json`, `${JSON.stringify(result)}\n`);
  writeFileSync(`${base}.html`, page(input));
  return [`${base}.json`, `${base}.html`];
}

import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { PriceSheet, TagBudget, UsageRetention } from "../api.js";
import { GranuleError } from "../errors.js";
import type { CliContext } from "./context.js";
import { formatPairs, formatTable } from "./format/table.js";
import { nameOptionsInErrors } from "./option-errors.js";
import { defined } from "./options.js";
import { printJson, printLine, printLines } from "./output.js";
import { invalid } from "./parse/invalid.js";
import { parseCount } from "./parse/number.js";
import { parseTag } from "./parse/tag.js";
import { parseDeadline, parseTime } from "./parse/time.js";

/** The commands below `granule usage`. */
export function addUsageCommands(usage: Command, context: CliContext): void {
  const add = (name: string, summary: string): Command => {
    const command = new Command(name)
      .description(summary)
      .helpOption("--help", "show help")
      .copyInheritedSettings(usage);
    usage.addCommand(command);
    return command;
  };
  addVerify(add("verify", "Go through the ledger's hash chain: was a bill changed?"), context);
  addPrices(add("prices", "Show the price sheets, or add one"), context);
  addBudget(add("budget", "Show the budgets of tags, or set one"), context);
  addRetention(add("retention", "Show how long usage is kept, or set it"), context);
  addStatus(add("status", "Show how the meter itself is doing"), context);
  for (const command of usage.commands) nameOptionsInErrors(command);
}

function addVerify(command: Command, context: CliContext): void {
  command
    .option("--expect <record:hash>", "a head that was printed earlier, which has to be in the chain still", parseHead)
    .option("--json", "print a JSON object")
    .action(async (options: { expect?: { record: number; hash: string }; json?: boolean }) => {
      const runtime = await context.runtime();
      const result = await runtime.usage.verify(defined({ expect: options.expect }));
      if (!result.intact) context.exitCode = 1;
      if (options.json) printJson(result);
      else if (result.broken) {
        printLine(`the ledger is NOT intact: record ${result.broken.record}: ${result.broken.problem}`);
      } else printLine(`${result.records} records, intact; the head is ${result.head.record}:${result.head.hash}`);
    });
}

function parseHead(text: string): { record: number; hash: string } {
  const [, record, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (record !== undefined && hash !== undefined) return { record: Number(record), hash };
  throw invalid(`'${text}' is not a head`, "write it as it was printed: a record's number, a colon and 64 digits");
}

function addPrices(command: Command, context: CliContext): void {
  command
    .argument("[file]", "a price sheet to add, as JSON; - is stdin")
    .option("--json", "print a JSON array")
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      const runtime = await context.runtime();
      if (file !== undefined) await runtime.usage.setPrices(readSheet(file));
      const sheets = await runtime.usage.prices();
      if (options.json) printJson(sheets);
      else if (sheets.length === 0) printLine("no prices; add some: granule usage prices FILE");
      else printSheets(sheets);
    });
}

function readSheet(file: string): PriceSheet {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (thrown) {
    const { errno, message } = GranuleError.from(thrown);
    throw new GranuleError("INVALID_ARGUMENT", `'${file}' cannot be read (${errno ?? message})`, { path: file });
  }
  try {
    return JSON.parse(text) as PriceSheet;
  } catch (thrown) {
    throw new GranuleError("INVALID_ARGUMENT", `'${file}' is no JSON: ${(thrown as Error).message}`, {
      path: file,
      hint: 'write it as {"currency": "EUR", "perVcpuSecond": "0.0000135", "perGibSecond": "0.0000015"}',
    });
  }
}

const sheetFields = [
  ["perVcpuSecond", "VCPU-S"],
  ["perGibSecond", "GIB-S"],
  ["perGbEgress", "GB EGRESS"],
  ["minimumSeconds", "MIN SECONDS"],
  ["minimumCost", "MIN COST"],
  ["vcpuStep", "VCPU STEP"],
  ["memoryStepGib", "GIB STEP"],
] as const;

function printSheets(sheets: PriceSheet[]): void {
  const columns = [
    { title: "VALID FROM" },
    { title: "CURRENCY" },
    ...sheetFields.map(([, title]) => ({ title, align: "right" as const })),
  ];
  const rows = sheets.map((sheet) => [
    (sheet.validFrom ?? "").replace(/\.\d+Z$/, "Z"),
    sheet.currency,
    ...sheetFields.map(([name]) => String(sheet[name] ?? "-")),
  ]);
  printLines(formatTable(columns, rows));
}

interface BudgetOptions {
  maxSeconds?: number;
  maxCost?: string;
  deadline?: string;
  period?: "day" | "month";
  since?: string;
  json?: boolean;
}

function addBudget(command: Command, context: CliContext): void {
  command
    .argument("[tag=value]", "the tag to set a budget for; without limits its budget is removed", parseTag)
    .option("--max-seconds <n>", "billed seconds over all its containers", parseCount)
    .option("--max-cost <amount>", "cost over all its containers, in the currency of the prices")
    .option("--deadline <time>", "when its containers are stopped at the latest", (text) => parseDeadline(text))
    .addOption(command.createOption("--period <period>", "it begins anew each day or month").choices(["day", "month"]))
    .option("--since <time>", "count from this time on", (text) => parseTime(text))
    .option("--json", "print a JSON array")
    .action(async (tag: [string, string] | undefined, { json, ...limits }: BudgetOptions) => {
      const runtime = await context.runtime();
      const [name, value] = tag ?? [];
      const budget = name === undefined || value === undefined ? undefined : { tag: name, value, ...limits };
      const budgets = budget === undefined ? await runtime.usage.budgets() : await runtime.usage.setBudget(budget);
      if (json) printJson(budgets);
      else printBudgets(budgets);
    });
}

function printBudgets(budgets: TagBudget[]): void {
  const titles = ["SECONDS", "OF", "COST", "OF"].map((title) => ({ title, align: "right" as const }));
  printLines(
    formatTable(
      [{ title: "TAG" }, ...titles, { title: "DEADLINE" }, { title: "PERIOD" }],
      budgets.map(({ tag, value, used, maxSeconds, maxCost, deadline, period }) => [
        `${tag}=${value}`,
        String(used?.seconds ?? 0),
        String(maxSeconds ?? "-"),
        used?.cost ?? "0",
        maxCost ?? "-",
        deadline ?? "-",
        period ?? "-",
      ]),
    ),
  );
}

function addRetention(command: Command, context: CliContext): void {
  command
    .option("--records <days>", "days that records are kept; 0 is for ever", parseCount)
    .option("--hours <days>", "days that curves by the hour are kept", parseCount)
    .option("--minutes <days>", "days that curves by the minute are kept", parseCount)
    .action(async (options: { records?: number; hours?: number; minutes?: number }) => {
      const runtime = await context.runtime();
      const given = defined<Partial<UsageRetention>>({
        recordDays: options.records,
        hourDays: options.hours,
        minuteDays: options.minutes,
      });
      const kept =
        Object.keys(given).length === 0
          ? (await runtime.usage.status()).retention
          : await runtime.usage.setRetention(given);
      const days = (count: number) => (count === 0 ? "for ever" : `${count} days`);
      printLines(
        formatPairs([
          ["records", days(kept.recordDays)],
          ["hours", days(kept.hourDays)],
          ["minutes", days(kept.minuteDays)],
        ]),
      );
    });
}

function addStatus(command: Command, context: CliContext): void {
  command.option("--json", "print a JSON object").action(async (options: { json?: boolean }) => {
    const runtime = await context.runtime();
    const status = await runtime.usage.status();
    if (options.json) {
      printJson(status);
      return;
    }
    const { ticks, missedTicks, jitterMs, problem } = status;
    printLines(
      formatPairs([
        ["ledger", status.path],
        ["records", String(status.records)],
        [
          "waiting to be written",
          problem === undefined ? String(status.pendingWrites) : `${status.pendingWrites}: ${problem}`,
        ],
        ["containers", String(status.containers)],
        ["ticks", `${ticks}, ${missedTicks} missed`],
        ["read after the second", `${jitterMs.last.toFixed(1)} ms, at most ${jitterMs.max.toFixed(1)} ms`],
      ]),
    );
  });
}

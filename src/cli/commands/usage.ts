import type { Command } from "commander";
import type { Runtime, UsageFilter, UsageRecord } from "../../api.js";
import { groupCsvLines, recordCsvHeader, recordCsvLine } from "../../meter/export.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { formatTable } from "../format/table.js";
import { groupTable, recordTable, type UsageTable } from "../format/usage.js";
import { defined } from "../options.js";
import { printJson, printLine, printLines, writeOut } from "../output.js";
import { collectEntries } from "../parse/collect.js";
import { parseTag } from "../parse/tag.js";
import { parseTime } from "../parse/time.js";
import { addUsageCommands } from "../usage-commands.js";
import { writeUsagePage } from "../usage-page.js";

const formats = ["table", "json", "jsonl", "csv"] as const;
type Format = (typeof formats)[number];

interface UsageOptions {
  tag?: Record<string, string>;
  by?: string[];
  since?: string;
  until?: string;
  format?: Format;
  json?: boolean;
  html?: string;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("[container]", "id or name; every container, removed ones too, unless given")
    .option("--tag <key=value>", "only those with this tag (repeatable)", collectEntries(parseTag))
    .option("--by <keys>", "sums by tag:NAME, image, name or id; several with commas between", parseBy)
    .option("--since <time>", "from this time on: 24h (ago), 2026-11-01", (text) => parseTime(text))
    .option("--until <time>", "up to this time", (text) => parseTime(text))
    .addOption(command.createOption("--format <format>", "table, json, jsonl or csv").choices(formats))
    .option("--json", "as --format json")
    .option("--html <file>", "write a page with curves and the bill, complete in itself")
    .action(async (name: string | undefined, options: UsageOptions) => {
      const runtime = await context.runtime();
      const { tag: tags, since, until, by } = options;
      const format = options.format ?? (options.json ? "json" : "table");
      const filter = defined<UsageFilter>({ tags, since, until });
      const named = name === undefined ? filter : { ...filter, ...(await find(runtime, name)) };
      if (options.html !== undefined) await writeUsagePage(runtime, options.html, named, by);
      else if (by !== undefined) await printGroups(runtime, named, by, format);
      else await printRecords(runtime, named, format);
    });
  addUsageCommands(command, context);
}

/** What a word means that is none of the columns: a tag's name. */
function parseBy(text: string): string[] {
  return text
    .split(",")
    .filter((each) => each !== "")
    .map((each) => (/^(image|name|id|tag:.*)$/.test(each) ? each : `tag:${each}`));
}

/** The container called so, or where there is none now, the one that was. */
async function find(runtime: Runtime, name: string): Promise<UsageFilter> {
  try {
    return { id: (await runtime.containers.get(name)).id };
  } catch {
    return /^[0-9a-f]{32}$/.test(name) ? { id: name } : { name };
  }
}

const pageSize = 1000;

/** Records page by page: a ledger may be larger than one answer. */
async function* pages(runtime: Runtime, filter: UsageFilter): AsyncGenerator<UsageRecord[]> {
  for (let after = 0; ; ) {
    const page = await runtime.usage.query({ ...filter, after, limit: pageSize });
    yield page;
    const last = page.findLast(({ record }) => record !== undefined)?.record;
    if (page.length < pageSize || last === undefined || page.some(({ record }) => record === undefined)) return;
    after = last;
  }
}

async function printRecords(runtime: Runtime, filter: UsageFilter, format: Format): Promise<void> {
  if (format === "csv") printLine(recordCsvHeader());
  const all: UsageRecord[] = [];
  for await (const page of pages(runtime, filter)) {
    if (format === "csv" || format === "jsonl") {
      const line = format === "csv" ? recordCsvLine : (record: UsageRecord) => JSON.stringify(record);
      await writeOut(process.stdout, page.map((record) => `${line(record)}\n`).join(""));
    } else all.push(...page);
  }
  if (format === "json") printJson(all);
  else if (format === "table") printTable(recordTable(all));
}

async function printGroups(runtime: Runtime, filter: UsageFilter, by: string[], format: Format): Promise<void> {
  const groups = await runtime.usage.summarize({ ...filter, by });
  if (format === "json") printJson(groups);
  else if (format === "jsonl") printLines(groups.map((group) => JSON.stringify(group)));
  else if (format === "csv") printLines(groupCsvLines(groups, by));
  else printTable(groupTable(groups, by));
}

function printTable({ columns, rows }: UsageTable): void {
  const paint = painter(process.stdout);
  printLines(
    formatTable(
      columns.map((column) => ({ ...column, title: paint("bold", column.title) })),
      rows,
    ),
  );
}

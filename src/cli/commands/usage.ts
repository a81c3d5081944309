import type { Command } from "commander";
import type { UsageFilter, UsageRecord } from "../../api.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { formatTable } from "../format/table.js";
import { usageCells, usageColumns } from "../format/usage.js";
import { defined } from "../options.js";
import { printJson, printLines } from "../output.js";
import { collectEntries } from "../parse/collect.js";
import { parseTag } from "../parse/tag.js";
import { parseTime } from "../parse/time.js";
import { groupUsage } from "../usage-groups.js";

interface UsageOptions {
  tag?: Record<string, string>;
  by?: string;
  since?: string;
  until?: string;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("[container]", "id or name; every container, removed ones too, unless given")
    .option("--tag <key=value>", "only those with this tag (repeatable)", collectEntries(parseTag))
    .option("--by <tag>", "one row for each value of a tag, with the sums")
    .option("--since <time>", "from this time on: 24h (ago), 2026-11-01", (text) => parseTime(text))
    .option("--until <time>", "up to this time", (text) => parseTime(text))
    .option("--json", "print a JSON array")
    .action(async (name: string | undefined, options: UsageOptions) => {
      const runtime = await context.runtime();
      const { tag: tags, since, until } = options;
      const records = await runtime.usage.query(defined<UsageFilter>({ tags, since, until }));
      const chosen = name === undefined ? records : records.filter((record) => isCalled(record, name));
      if (options.by !== undefined) printGroups(chosen, options.by, options.json === true);
      else if (options.json) printJson(chosen);
      else printTable(usageColumns, chosen.map(usageCells));
    });
}

function isCalled(record: UsageRecord, name: string): boolean {
  return record.name === name || record.id.startsWith(name);
}

function printGroups(records: UsageRecord[], tag: string, json: boolean): void {
  const groups = groupUsage(records, tag);
  if (json) {
    printJson(groups);
    return;
  }
  const columns = [
    { title: tag.toUpperCase() },
    ...["SEGMENTS", "SECONDS", "VCPU-S", "GIB-S", "CPU USED S", "GIB-S USED"].map((title) => ({
      title,
      align: "right" as const,
    })),
  ];
  printTable(
    columns,
    groups.map((group) => [
      group.key || "<none>",
      String(group.segments),
      String(group.seconds),
      group.vcpuSeconds.toFixed(2),
      group.gibSeconds.toFixed(3),
      group.cpuUsedSeconds.toFixed(2),
      group.memoryUsedGibSeconds.toFixed(3),
    ]),
  );
}

function printTable(columns: { title: string; align?: "left" | "right" }[], rows: string[][]): void {
  const paint = painter(process.stdout);
  printLines(
    formatTable(
      columns.map((column) => ({ ...column, title: paint("bold", column.title) })),
      rows,
    ),
  );
}

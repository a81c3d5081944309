import type { Command } from "commander";
import type { ContainerInfo, Runtime } from "../../api.js";
import { containerFilterKeys, filterContainers, filtersAskForAll } from "../container-filters.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { decimal, humanAge, humanSize, shortId } from "../format/human.js";
import { containerStatus, statusColour } from "../format/status.js";
import { formatTable } from "../format/table.js";
import { printJson, printLines } from "../output.js";
import { collectEntries } from "../parse/collect.js";
import { type Filters, filterParser } from "../parse/filter.js";
import { parseCount } from "../parse/number.js";
import { parseTag } from "../parse/tag.js";

interface PsOptions {
  all?: boolean;
  quiet?: boolean;
  trunc: boolean;
  json?: boolean;
  tag?: Record<string, string>;
  filter?: Filters;
  last?: number;
  latest?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .option("-a, --all", "stopped ones as well")
    .option("-q, --quiet", "ids only")
    .option("--no-trunc", "whole ids and commands")
    .option("--tag <key=value>", "only those with this tag (repeatable)", collectEntries(parseTag))
    .option(
      "-f, --filter <key=value>",
      `only those that match, by ${containerFilterKeys.join(", ")} (repeatable)`,
      filterParser(containerFilterKeys),
    )
    .option("-n, --last <n>", "the n made last, in any state", parseCount)
    .option("-l, --latest", "the one made last, in any state")
    .option("--json", "print a JSON array")
    .action(async (options: PsOptions) => {
      const list = await listed(await context.runtime(), options);
      const idOf = (info: ContainerInfo): string => (options.trunc ? shortId(info.id) : info.id);
      if (options.json) printJson(list.map(listedContainer));
      else if (options.quiet) printLines(list.map(idOf));
      else printLines(containerTable(list, idOf, options.trunc));
    });
}

async function listed(runtime: Runtime, options: PsOptions): Promise<ContainerInfo[]> {
  const last = options.latest ? 1 : options.last;
  const all = options.all === true || last !== undefined || filtersAskForAll(options.filter);
  let list = await runtime.containers.list({ all, ...(options.tag === undefined ? {} : { tags: options.tag }) });
  if (options.filter !== undefined) {
    list = filterContainers(list, all ? list : await runtime.containers.list({ all: true }), options.filter);
  }
  if (last === undefined) return list;
  return list.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).slice(0, last);
}

/** A container as `ps --json` lists it. */
function listedContainer(info: ContainerInfo): object {
  const { id, name, image, state, tags, cpus, memoryBytes, pid, createdAt, startedAt, finishedAt, exit } = info;
  const { command, restarts } = info;
  return {
    id,
    name,
    image,
    command,
    state,
    tags,
    cpus,
    memoryBytes,
    pid,
    restarts,
    createdAt,
    startedAt,
    finishedAt,
    exit,
  };
}

function containerTable(list: ContainerInfo[], idOf: (info: ContainerInfo) => string, truncated: boolean): string[] {
  const paint = painter(process.stdout);
  return formatTable(
    [
      { title: "ID" },
      { title: "NAME" },
      { title: "IMAGE" },
      { title: "COMMAND" },
      { title: "STATUS" },
      { title: "CPUS", align: "right" },
      { title: "MEMORY", align: "right" },
      { title: "CREATED" },
    ].map((column) => ({ ...column, title: paint("bold", column.title) }) as { title: string; align?: "right" }),
    list.map((info) => [
      idOf(info),
      info.name,
      info.image,
      commandText(info.command, truncated),
      paint(statusColour(info), containerStatus(info)),
      info.cpus === undefined ? "-" : decimal(info.cpus, 2),
      info.memoryBytes === undefined ? "-" : humanSize(info.memoryBytes),
      humanAge(info.createdAt),
    ]),
  );
}

const commandWidth = 24;

function commandText(command: string[], truncated: boolean): string {
  const text = command.join(" ").replaceAll(/\p{Cc}+/gu, " ");
  return truncated && text.length > commandWidth ? `${text.slice(0, commandWidth - 3)}...` : text;
}

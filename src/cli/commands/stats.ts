import type { Command } from "commander";
import type { ContainerInfo, Runtime, Sample } from "../../api.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { statsCells, statsColumns } from "../format/sample.js";
import { formatTable } from "../format/table.js";
import { printJsonLine, printLines } from "../output.js";
import { sampleTicks } from "../sample-ticks.js";
import { LiveScreen } from "../terminal/live-screen.js";

interface StatsOptions {
  stream: boolean;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("[container...]", "ids or names; every running container unless given")
    .option("--no-stream", "one sample of each, then leave")
    .option("--json", "one JSON object a line for each sample")
    .action(async (names: string[], options: StatsOptions) => {
      const runtime = await context.runtime();
      const chosen = names.length === 0 ? undefined : await idsOf(runtime, names);
      if (!options.stream) await showOnce(runtime, chosen, options.json === true);
      else if (options.json) await showJson(runtime, chosen);
      else await showTable(runtime, chosen);
    });
}

type Chosen = Set<string> | undefined;

async function idsOf(runtime: Runtime, names: string[]): Promise<Set<string>> {
  const containers = await Promise.all(names.map((name) => runtime.containers.get(name)));
  return new Set(containers.map((container) => container.id));
}

async function running(runtime: Runtime, chosen: Chosen): Promise<Map<string, ContainerInfo>> {
  const list = await runtime.containers.list();
  const shown = list.filter(
    ({ id, state }) => (chosen?.has(id) ?? true) && (state === "running" || state === "paused"),
  );
  return new Map(shown.map((info) => [info.id, info]));
}

/** The first tick that tells vCPUs of every container, or the second one at the latest. */
async function showOnce(runtime: Runtime, chosen: Chosen, json: boolean): Promise<void> {
  const infos = await running(runtime, chosen);
  const samples = new Map<string, Sample>();
  const abort = new AbortController();
  let ticks = 0;
  if (infos.size > 0) {
    for await (const tick of sampleTicks(runtime.samples({ signal: abort.signal }))) {
      for (const [id, sample] of tick) if (infos.has(id)) samples.set(id, sample);
      const complete = [...infos.keys()].every((id) => samples.get(id)?.cpu.vcpus !== undefined);
      if (complete || ++ticks === 2) break;
    }
    abort.abort();
  }
  if (json) for (const sample of samples.values()) printJsonLine(sample);
  else printLines(table(infos, samples));
}

async function showJson(runtime: Runtime, chosen: Chosen): Promise<void> {
  for await (const sample of runtime.samples()) {
    if (chosen?.has(sample.id) ?? true) printJsonLine(sample);
  }
}

/** Redrawn in place at a terminal; in a pipe the titles once and then row after row. */
async function showTable(runtime: Runtime, chosen: Chosen): Promise<void> {
  using screen = process.stdout.isTTY ? new LiveScreen() : undefined;
  let first = true;
  screen?.draw([...table(new Map(), new Map()), "", "waiting for the next second"]);
  for await (const tick of sampleTicks(runtime.samples())) {
    const infos = await running(runtime, chosen);
    const lines = table(infos, new Map([...tick].filter(([id]) => infos.has(id))));
    if (screen) screen.draw(lines);
    else printLines(first ? lines : lines.slice(1));
    first = false;
  }
}

function table(infos: Map<string, ContainerInfo>, samples: Map<string, Sample>): string[] {
  const paint = painter(process.stdout);
  const columns = statsColumns.map((column) => ({ ...column, title: paint("bold", column.title) }));
  const busiest = [...samples.values()].sort((a, b) => (b.cpu.vcpus ?? 0) - (a.cpu.vcpus ?? 0));
  return formatTable(
    columns,
    busiest.map((sample) => statsCells(infos.get(sample.id), sample)),
  );
}

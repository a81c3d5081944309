import type { Command } from "commander";
import type { HostInfo } from "../../api.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { humanSize } from "../format/human.js";
import { formatPairs, formatTable } from "../format/table.js";
import { printJson, printLine, printLines } from "../output.js";

export function register(command: Command, context: CliContext): void {
  command.option("--json", "print a JSON object").action(async (options: { json?: boolean }) => {
    const info = await (await context.runtime()).info();
    if (options.json) printJson(info);
    else printInfo(info);
  });
}

function printInfo(info: HostInfo): void {
  const paint = painter(process.stdout);
  printLines(
    formatPairs([
      ["granule", `${info.version}, pid ${info.pid}`],
      ["kernel", `${info.kernel} ${info.architecture}`],
      ["cpus", String(info.cpus)],
      ["memory", humanSize(info.memoryBytes)],
      ["root", info.root],
      ["state", info.state],
      ["cgroup", [info.cgroup.mode, info.cgroup.path ?? ""].join(" ").trim()],
      ["controllers", controllersText(info.cgroup.controllers)],
    ]),
  );
  printLine("");
  printLines(
    formatTable(
      [{ title: paint("bold", "FEATURE") }, { title: paint("bold", "HERE") }, { title: paint("bold", "NOTE") }],
      info.features.map(({ name, available, note }) => [
        name,
        available ? paint("green", "yes") : paint("yellow", "no"),
        note,
      ]),
    ),
  );
}

/** Controllers by where they are bound: `v1: cpu memory; absent: io`. */
function controllersText(controllers: HostInfo["cgroup"]["controllers"]): string {
  const groups = (["v2", "v1", "absent"] as const).map((place) => {
    const names = Object.keys(controllers).filter((name) => controllers[name] === place);
    return names.length === 0 ? "" : `${place}: ${names.join(" ")}`;
  });
  return groups.filter((group) => group !== "").join("; ");
}

import type { Command } from "commander";
import type { RuntimeEvent } from "../../api.js";
import type { CliContext } from "../context.js";
import { shortId } from "../format/human.js";
import { printJsonLine, printLine } from "../output.js";

export function register(command: Command, context: CliContext): void {
  command.option("--json", "one JSON object a line").action(async (options: { json?: boolean }) => {
    const runtime = await context.runtime();
    for await (const event of runtime.events()) {
      if (options.json) printJsonLine(event);
      else printLine(eventText(event));
    }
  });
}

function eventText(event: RuntimeEvent): string {
  const exit =
    event.exit === undefined ? [] : [`exit=${event.exit.code ?? "unknown"}`, event.exit.oomKilled ? "oom" : ""];
  const tags = Object.entries(event.tags ?? {}).map(([key, value]) => `${key}=${value}`);
  const words = [event.time, event.type, event.action, shortId(event.id), event.name ?? "", ...exit, ...tags];
  return words.filter((word) => word !== "").join(" ");
}

import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { printJson, printLines } from "../output.js";

export function register(command: Command, context: CliContext): void {
  command.option("--json", "print the ids as JSON").action(async (options: { json?: boolean }) => {
    const ids = await (await context.runtime()).containers.prune();
    if (options.json) printJson(ids.map((id) => ({ id })));
    else printLines(ids);
  });
}

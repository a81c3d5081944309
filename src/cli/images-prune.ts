import type { Command } from "commander";
import type { CliContext } from "./context.js";
import { printJson, printLines } from "./output.js";
import { prunedLines } from "./pruned.js";

export function registerPrune(command: Command, context: CliContext): void {
  command
    .description("Remove images without a name that no container uses, and what interrupted pulls left")
    .option("-a, --all", "also those that have a name")
    .option("--json", "print what went as JSON")
    .action(async (options: { all?: boolean; json?: boolean }) => {
      const pruned = await (await context.runtime()).images.prune({ all: options.all === true });
      if (options.json) printJson(pruned);
      else printLines(prunedLines(pruned));
    });
}

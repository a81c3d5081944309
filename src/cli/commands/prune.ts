import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { printJson, printLines } from "../output.js";
import { prunedLines } from "../pruned.js";

interface PruneOptions {
  images?: boolean;
  all?: boolean;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .description("Remove every stopped container, and images that nothing uses where that is asked for.")
    .option("--images", "and images without a name that no container uses")
    .option("-a, --all", "with --images: also those that have a name")
    .option("--json", "print what went as JSON")
    .action(async (options: PruneOptions) => {
      const runtime = await context.runtime();
      const ids = await runtime.containers.prune();
      const pruned =
        options.images || options.all ? await runtime.images.prune({ all: options.all === true }) : undefined;
      if (options.json) {
        const containers = ids.map((id) => ({ id }));
        printJson(pruned === undefined ? containers : { containers, ...pruned });
      } else printLines([...ids, ...(pruned === undefined ? [] : prunedLines(pruned))]);
    });
}

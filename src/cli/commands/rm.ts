import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { forEachContainer } from "../targets.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container...>")
    .option("-f, --force", "kill it first where it runs")
    .action(async (names: string[], options: { force?: boolean }) => {
      await forEachContainer(context, names, (container) => container.remove({ force: options.force === true }));
    });
}

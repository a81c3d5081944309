import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { reportFailure } from "../failure.js";
import { printLine } from "../output.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<image...>")
    .option("-f, --force", "remove it although it has several names")
    .action(async (names: string[], options: { force?: boolean }) => {
      const { images } = await context.runtime();
      for (const name of names) {
        try {
          await images.remove(name, { force: options.force === true });
          printLine(name);
        } catch (thrown) {
          context.exitCode = reportFailure(thrown);
        }
      }
    });
}

import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { parseSignal } from "../parse/signal.js";
import { forEachContainer } from "../targets.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container...>")
    .option("-s, --signal <signal>", "signal by name or number", parseSignal, "SIGKILL")
    .action(async (names: string[], options: { signal: string | number }) => {
      await forEachContainer(context, names, (container) => container.kill(options.signal));
    });
}

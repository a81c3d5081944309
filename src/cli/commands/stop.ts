import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { addStopTimeout, type StopTimeout, stopOptionsOf } from "../stop-options.js";
import { forEachContainer } from "../targets.js";

export function register(command: Command, context: CliContext): void {
  addStopTimeout(command.argument("<container...>")).action(async (names: string[], options: StopTimeout) => {
    await forEachContainer(context, names, (container) => container.stop(stopOptionsOf(options)));
  });
}

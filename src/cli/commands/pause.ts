import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { forEachContainer } from "../targets.js";

export function register(command: Command, context: CliContext): void {
  command.argument("<container...>").action(async (names: string[]) => {
    await forEachContainer(context, names, (container) => container.pause());
  });
}

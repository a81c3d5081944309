import type { Command } from "commander";
import type { CliContext } from "../context.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<image>", "image by name or id")
    .argument("<name>", "the further name")
    .action(async (image: string, name: string) => {
      await (await context.runtime()).images.tag(image, name);
    });
}

import type { Command } from "commander";
import { requireOutput, writeArchive } from "../archive-output.js";
import type { CliContext } from "../context.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<image...>", "images by name or id; one that is told by its name has that name in the archive")
    .option("-o, --output <file>", "the archive; stdout unless given")
    .action(async (names: string[], { output }: { output?: string }) => {
      requireOutput(output);
      const { images } = await context.runtime();
      await writeArchive(output, (path) => images.save(names, path));
    });
}

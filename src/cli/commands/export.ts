import type { Command } from "commander";
import { requireOutput, writeArchive } from "../archive-output.js";
import type { CliContext } from "../context.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container>", "container by name or id")
    .option("-o, --output <file>", "the archive; stdout unless given")
    .action(async (name: string, { output }: { output?: string }) => {
      requireOutput(output);
      const container = await (await context.runtime()).containers.get(name);
      await writeArchive(output, (path) => container.export(path));
    });
}

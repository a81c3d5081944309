import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { writeOut } from "../output.js";
import { invalid } from "../parse/invalid.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<image...>", "images by name or id; one that is told by its name has that name in the archive")
    .option("-o, --output <file>", "the archive; stdout unless given")
    .action(async (names: string[], options: { output?: string }) => {
      const { output } = options;
      if (output === undefined && process.stdout.isTTY) {
        throw invalid("an archive is nothing to look at", "name a file with -o, or pipe it to another program");
      }
      const { images } = await context.runtime();
      if (output !== undefined && output !== "-") return images.save(names, resolve(output));
      const folder = await mkdtemp(join(tmpdir(), "granule-save-"));
      try {
        const path = join(folder, "archive.tar");
        await images.save(names, path);
        for await (const chunk of createReadStream(path)) await writeOut(process.stdout, chunk as Buffer);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

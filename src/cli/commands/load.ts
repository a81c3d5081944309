import type { Command } from "commander";
import { archivePath } from "../archive-input.js";
import type { CliContext } from "../context.js";
import { printJson, printLines } from "../output.js";
import { ImageProgress } from "../progress/image-progress.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("[file]", "archive or OCI layout folder; stdin unless given")
    .option("-i, --input <file>", "the same as an option, as docker has it")
    .option("-q, --quiet", "no progress")
    .option("--json", "print a JSON array")
    .action(async (file: string | undefined, options: { input?: string; quiet?: boolean; json?: boolean }) => {
      const runtime = await context.runtime();
      await using archive = await archivePath(options.input ?? file);
      using progress = new ImageProgress(options.quiet === true || options.json === true);
      const loaded = await runtime.images.load(archive.path, { onProgress: (step) => progress.show(step) });
      progress.clear();
      if (options.json) printJson(loaded.map(({ id, names, size, createdAt }) => ({ id, names, size, createdAt })));
      else printLines(loaded.map((image) => `Loaded ${image.names.join(", ") || image.id}`));
    });
}

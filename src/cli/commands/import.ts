import type { Command } from "commander";
import { archivePath } from "../archive-input.js";
import type { CliContext } from "../context.js";
import { printLine } from "../output.js";
import { collect } from "../parse/collect.js";
import { parseChanges } from "../parse/import-change.js";
import { ImageProgress } from "../progress/image-progress.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<file>", "tar of a root file system, plain, gzip or zstd; - is stdin")
    .argument("<name>", "name of the image")
    .option(
      "-c, --change <instruction>",
      `configuration, such as 'CMD ["/bin/sh"]' (repeatable)`,
      collect((text) => text),
    )
    .option("-q, --quiet", "no progress")
    .action(async (file: string, name: string, options: { change?: string[]; quiet?: boolean }) => {
      const config = parseChanges(options.change ?? []);
      const runtime = await context.runtime();
      await using archive = await archivePath(file);
      using progress = new ImageProgress(options.quiet === true);
      const image = await runtime.images.import(archive.path, {
        name,
        config,
        onProgress: (step) => progress.show(step),
      });
      progress.clear();
      printLine(image.id);
    });
}

import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { addContainerOptions, type ContainerOptions, createOptionsOf } from "../create-options.js";
import { ensureImage } from "../ensure-image.js";
import { runForeground } from "../foreground.js";
import { printLine } from "../output.js";
import { invalid } from "../parse/invalid.js";
import { requireTerminal } from "../terminal/session.js";

interface RunOptions extends ContainerOptions {
  detach?: boolean;
  stats?: string;
}

export function register(command: Command, context: CliContext): void {
  addContainerOptions(command)
    .option("-d, --detach", "run in the background and print the id")
    .option("--stats <file>", "write a sample a second as JSON lines; `-` is stdout, and its output is on stderr then")
    .action(async (image: string, words: string[], options: RunOptions) => {
      const create = createOptionsOf(image, words, options);
      if (options.detach && options.stats !== undefined) {
        throw invalid("--stats goes with a run in the foreground", "leave out -d, or use `granule stats --json`");
      }
      if (!options.detach) requireTerminal(options);
      const runtime = await context.runtime();
      await ensureImage(runtime, image, options);
      if (options.detach) printLine((await runtime.containers.run(create)).id);
      else context.exitCode = await runForeground(runtime, create, defaultStats(options.stats));
    });
}

function defaultStats(stats: string | undefined): { stats?: string } {
  return stats === undefined ? {} : { stats };
}

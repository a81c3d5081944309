import type { Command } from "commander";
import type { ImageCheck } from "../api.js";
import type { CliContext } from "./context.js";
import { painter } from "./format/colour.js";
import { shortId } from "./format/human.js";
import { printJson, printLine } from "./output.js";
import { ImageProgress } from "./progress/image-progress.js";

export function registerVerify(command: Command, context: CliContext): void {
  command
    .description("Check images against their digests: every blob, and every unpacked layer")
    .argument("[image...]", "every image unless given")
    .option("-q, --quiet", "no progress, and nothing of images that are whole")
    .option("--json", "print a JSON array")
    .action(async (names: string[], options: { quiet?: boolean; json?: boolean }) => {
      const { images } = await context.runtime();
      const checks: ImageCheck[] = [];
      using progress = new ImageProgress(options.quiet === true || options.json === true);
      const onProgress = progress.show.bind(progress);
      for (const name of names.length === 0 ? [undefined] : names) {
        checks.push(...(await images.verify(name, { onProgress })));
      }
      progress.clear();
      if (checks.some(({ ok }) => !ok)) context.exitCode = 1;
      if (options.json) printJson(checks);
      else for (const check of checks) print(check, options.quiet === true);
    });
}

function print({ id, names, ok, problems }: ImageCheck, quiet: boolean): void {
  const paint = painter(process.stdout);
  const name = names[0] ?? shortId(id);
  if (ok && !quiet) printLine(`${paint("green", "ok")}        ${name}`);
  if (ok) return;
  printLine(`${paint("red", "damaged")}   ${name}`);
  for (const problem of problems) printLine(`          ${problem}`);
  printLine("          remove it with `granule rmi`, and pull or load it again");
}

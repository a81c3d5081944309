import type { Command } from "commander";
import type { ImageInfo } from "../../api.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { humanAge, humanSize, shortId } from "../format/human.js";
import { formatTable } from "../format/table.js";
import { registerPrune } from "../images-prune.js";
import { registerVerify } from "../images-verify.js";
import { printJson, printLines } from "../output.js";

interface ImagesOptions {
  quiet?: boolean;
  trunc: boolean;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  registerVerify(command.command("verify"), context);
  registerPrune(command.command("prune"), context);
  command
    .option("-q, --quiet", "ids only")
    .option("--no-trunc", "whole ids")
    .option("--json", "print a JSON array")
    .action(async (options: ImagesOptions) => {
      const list = await (await context.runtime()).images.list();
      const idOf = (id: string): string => (options.trunc ? shortId(id) : id);
      const paint = painter(process.stdout);
      if (options.json) {
        printJson(
          list.map(({ id, names, digests, size, createdAt, architecture, os }) => ({
            id,
            names,
            digests,
            size,
            createdAt,
            architecture,
            os,
          })),
        );
      } else if (options.quiet) {
        printLines(list.map((image) => idOf(image.id)));
      } else {
        const rows = list.flatMap((image) =>
          namesOf(image, options.trunc).map((name) => [
            name,
            idOf(image.id),
            humanSize(image.size),
            // A reproducible image has no time of its own, and says 1970.
            Date.parse(image.createdAt) === 0 ? "-" : humanAge(image.createdAt),
          ]),
        );
        const title = (text: string): string => paint("bold", text);
        const columns = [
          { title: title("NAME") },
          { title: title("ID") },
          { title: title("SIZE"), align: "right" as const },
          { title: title("CREATED") },
        ];
        printLines(formatTable(columns, rows));
      }
    });
}

/** One that was pulled by its digest, or has lost its tag to a newer one, is told by the digest. */
function namesOf({ names, digests }: ImageInfo, short: boolean): string[] {
  if (names.length > 0) return names;
  const [digest = "<none>"] = digests;
  return [short ? digest.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1") : digest];
}

import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { humanAge, humanSize, shortId } from "../format/human.js";
import { formatTable } from "../format/table.js";
import { printJson, printLines } from "../output.js";

interface ImagesOptions {
  quiet?: boolean;
  trunc: boolean;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
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
          list.map(({ id, names, size, createdAt, architecture, os }) => ({
            id,
            names,
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
          (image.names.length === 0 ? ["<none>"] : image.names).map((name) => [
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

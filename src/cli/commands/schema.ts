import { type Command, Option } from "commander";
import type { CliContext } from "../context.js";
import { writeOut } from "../output.js";

const files = {
  "json-schema": "granule.schema.json",
  asyncapi: "granule.asyncapi.json",
  page: "PROTOCOL.md",
} as const;

export function register(command: Command, _context: CliContext): void {
  command
    .addOption(new Option("--format <format>", "which document").choices(Object.keys(files)).default("json-schema"))
    .action(async ({ format }: { format: keyof typeof files }) => {
      const { documents } = await import("../../channel/documents/all.js");
      await writeOut(process.stdout, documents()[files[format]] ?? "");
    });
}

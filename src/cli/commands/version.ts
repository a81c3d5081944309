import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { printJson, printLine } from "../output.js";
import { version } from "../version.js";

export function register(command: Command, _context: CliContext): void {
  command.option("--json", "print a JSON object").action((options: { json?: boolean }) => {
    const versions = {
      version: version(),
      node: process.versions.node,
      platform: process.platform,
      architecture: process.arch,
    };
    if (options.json) printJson(versions);
    else
      printLine(`granule ${versions.version} (node ${versions.node}, ${versions.platform} ${versions.architecture})`);
  });
}

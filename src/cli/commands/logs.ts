import type { Command } from "commander";
import type { LogOptions } from "../../api.js";
import type { CliContext } from "../context.js";
import { type LogPrintOptions, printLog } from "../log-printer.js";
import { defined } from "../options.js";
import { parseTail } from "../parse/number.js";
import { parseTime } from "../parse/time.js";

interface LogsOptions {
  follow?: boolean;
  since?: string;
  until?: string;
  tail?: number;
  timestamps?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container>")
    .option("-f, --follow", "go on with what is written from now on")
    .option("--since <time>", "from this time on: 10m (ago), 2026-11-23T10:00:00Z", (text) => parseTime(text))
    .option("--until <time>", "up to this time", (text) => parseTime(text))
    .option("-n, --tail <lines>", "only the last lines", parseTail)
    .option("-t, --timestamps", "begin each line with its time")
    .action(async (name: string, options: LogsOptions) => {
      const container = await (await context.runtime()).containers.get(name);
      const abort = new AbortController();
      const { follow, since, tail } = options;
      const lines = container.logs(defined<LogOptions>({ follow, since, tail, signal: abort.signal }));
      await printLog(lines, defined<LogPrintOptions>({ timestamps: options.timestamps, until: options.until }));
      abort.abort();
    });
}

import type { Command } from "commander";
import type { LogLine, LogOptions } from "../../api.js";
import type { CliContext } from "../context.js";
import { defined } from "../options.js";
import { writeOut } from "../output.js";
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
      const printer = new LogPrinter(options.timestamps === true);
      for await (const line of container.logs(defined<LogOptions>({ follow, since, tail, signal: abort.signal }))) {
        if (options.until !== undefined && line.time > options.until) break;
        await printer.print(line);
      }
      abort.abort();
    });
}

/** Puts lines back together as the container wrote them, each stream on its own. */
class LogPrinter {
  readonly #timestamps: boolean;
  readonly #within = { stdout: false, stderr: false };

  constructor(timestamps: boolean) {
    this.#timestamps = timestamps;
  }

  async print(line: LogLine): Promise<void> {
    const begins = !this.#within[line.stream];
    this.#within[line.stream] = line.partial;
    const time = Buffer.from(this.#timestamps && begins ? `${line.time} ` : "");
    const end = Buffer.from(line.partial ? "" : "\n");
    await writeOut(process[line.stream], Buffer.concat([time, line.data, end]));
  }
}

import type { LogLine } from "../api.js";
import { writeOut } from "./output.js";

export interface LogPrintOptions {
  /** Begin each line with its time. */
  timestamps?: boolean;
  /** Print no line later than this (ISO 8601). */
  until?: string;
}

/** Prints log lines on this process's stdout and stderr, put back together as the container wrote them. */
export async function printLog(lines: AsyncIterable<LogLine>, options: LogPrintOptions = {}): Promise<void> {
  const within = { stdout: false, stderr: false };
  for await (const line of lines) {
    if (options.until !== undefined && line.time > options.until) return;
    const begins = !within[line.stream];
    within[line.stream] = line.partial;
    const time = Buffer.from(options.timestamps && begins ? `${line.time} ` : "");
    const end = Buffer.from(line.partial ? "" : "\n");
    await writeOut(process[line.stream], Buffer.concat([time, line.data, end]));
  }
}

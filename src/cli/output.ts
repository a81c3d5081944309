import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes and resolves once the stream wants more, so that a slow reader slows its producer. */
export async function writeOut(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, "drain");
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printLines(lines: string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

/** A listing as JSON: on a terminal and in a pipe alike, two spaces a level. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, undefined, 2));
}

/** One JSON object in one line, for what goes on and on. */
export function printJsonLine(value: unknown): void {
  printLine(JSON.stringify(value));
}

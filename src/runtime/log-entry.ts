import type { LogLine } from "../api.js";

const space = 0x20;
const newline = 0x0a;

/**
 * One entry of a log in the CRI format, `time stream tags data`, without its newline; undefined where it is not
 * whole, as a power loss may leave one.
 */
export function parseEntry(entry: Buffer): LogLine | undefined {
  const afterTime = entry.indexOf(space);
  const afterStream = entry.indexOf(space, afterTime + 1);
  const afterTags = entry.indexOf(space, afterStream + 1);
  if (afterTime < 20 || afterStream < 0 || afterTags < 0) return undefined;
  const stream = entry.toString("latin1", afterTime + 1, afterStream);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  return {
    time: entry.toString("latin1", 0, afterTime),
    stream,
    data: entry.subarray(afterTags + 1),
    partial: entry[afterStream + 1] === 0x50,
  };
}

/** Cuts blocks of a log into entries; the last, unfinished one waits for the next block. */
export class EntrySplitter {
  #rest: Buffer | undefined;

  *push(block: Buffer): Generator<LogLine> {
    const bytes = this.#rest ? Buffer.concat([this.#rest, block]) : block;
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      const line = parseEntry(bytes.subarray(start, end));
      start = end + 1;
      if (line) yield line;
    }
    this.#rest = start < bytes.length ? bytes.subarray(start) : undefined;
  }
}

/** Nanoseconds since 1970 of an RFC 3339 time; undefined where it is none. */
export function timeNs(time: string): bigint | undefined {
  const [, whole, fraction = "", zone] = /^([^.]*?)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)?$/.exec(time) ?? [];
  if (whole === undefined) return undefined;
  const ms = Date.parse(whole + (zone ?? (whole.includes("T") ? "Z" : "")));
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

import type { LogLine } from "../api.js";
import { GranuleError } from "../errors.js";

/**
 * Logs travel as bytes in the CRI log format (kubernetes design proposal "kubelet-cri-logging"): one line an entry,
 * `<RFC 3339 time> <stdout|stderr> <F|P> <bytes>`, where P marks an entry whose line goes on in the next one.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 10;
const SPACE = 32;

/** One entry with its newline. */
export function encodeLogLine(line: LogLine): Uint8Array {
  const head = encoder.encode(`${line.time} ${line.stream} ${line.partial ? "P" : "F"} `);
  const bytes = new Uint8Array(head.length + line.data.length + 1);
  bytes.set(head);
  bytes.set(line.data, head.length);
  bytes[bytes.length - 1] = NEWLINE;
  return bytes;
}

/** Cuts a stream of bytes into entries again. */
export class LogLineParser {
  #rest: Uint8Array[] = [];

  /** The entries that these bytes complete. */
  *push(bytes: Uint8Array): Generator<LogLine> {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const tail = bytes.subarray(start, end);
      start = end + 1;
      if (this.#rest.length === 0) {
        yield parseEntry(tail);
        continue;
      }
      const whole = concat([...this.#rest, tail]);
      this.#rest = [];
      yield parseEntry(whole);
    }
    if (start < bytes.length) this.#rest.push(bytes.subarray(start));
  }
}

function parseEntry(entry: Uint8Array): LogLine {
  const timeEnd = entry.indexOf(SPACE);
  const streamEnd = entry.indexOf(SPACE, timeEnd + 1);
  const tagEnd = entry.indexOf(SPACE, streamEnd + 1);
  if (timeEnd < 0 || streamEnd < 0 || tagEnd < 0) throw corrupt();
  const stream = decoder.decode(entry.subarray(timeEnd + 1, streamEnd));
  if (stream !== "stdout" && stream !== "stderr") throw corrupt();
  return {
    time: decoder.decode(entry.subarray(0, timeEnd)),
    stream,
    partial: decoder.decode(entry.subarray(streamEnd + 1, tagEnd)) === "P",
    // A copy: the bytes of a message may share a far larger buffer, and slice of a Buffer copies nothing.
    data: new Uint8Array(entry.subarray(tagEnd + 1)),
  };
}

function corrupt(): GranuleError {
  return new GranuleError("CORRUPT", "the server sent a log entry that is not in the CRI log format");
}

function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

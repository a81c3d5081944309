import type { FileHandle } from "node:fs/promises";
import { parseEntry } from "./log-entry.js";

const blockBytes = 64 * 1024;
const newline = 0x0a;

export interface TailStart {
  /** Where reading starts. */
  offset: number;
  /** Lines found from there on; fewer than asked where the file has no more. */
  lines: number;
}

/** Finds where the last `count` whole lines of a log file start, reading from its end and no further than needed. */
export async function findTail(file: FileHandle, size: number, count: number): Promise<TailStart> {
  if (count <= 0) return { offset: size, lines: 0 };
  let lines = 0;
  let entryEnd = size;
  let held = Buffer.alloc(0);
  for (let blockStart = size; blockStart > 0; ) {
    const length = Math.min(blockBytes, blockStart);
    blockStart -= length;
    const block = Buffer.allocUnsafe(length);
    await file.read(block, 0, length, blockStart);
    held = Buffer.concat([block, held]);
    for (let at = held.lastIndexOf(newline, entryEnd - blockStart - 2); at >= 0; at = previous(held, at)) {
      const entryStart = blockStart + at + 1;
      if (endsLine(held.subarray(at + 1, entryEnd - blockStart))) {
        if (lines === count) return { offset: entryEnd, lines };
        lines++;
      }
      entryEnd = entryStart;
    }
    held = held.subarray(0, entryEnd - blockStart);
  }
  if (entryEnd > 0 && endsLine(held)) {
    if (lines === count) return { offset: entryEnd, lines };
    lines++;
  }
  return { offset: 0, lines };
}

/** Buffer.lastIndexOf counts a negative offset from the end, so the start needs a case of its own. */
function previous(bytes: Buffer, at: number): number {
  return at === 0 ? -1 : bytes.lastIndexOf(newline, at - 1);
}

function endsLine(entry: Buffer): boolean {
  const line = parseEntry(entry);
  return line !== undefined && !line.partial;
}

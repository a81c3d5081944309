import { watch } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { LogLine, LogOptions } from "../api.js";
import { GranuleError } from "../errors.js";
import { EntrySplitter, timeNs } from "./log-entry.js";
import { findTail } from "./log-tail.js";
import { whilePending } from "./while-pending.js";

const blockBytes = 64 * 1024;

/**
 * Lines of a container's log: `path` and its rotated files `path.1` (the newest) and on. With `follow` it goes on
 * until the signal aborts, or `ended` settles and everything was read.
 */
export async function* readLog(path: string, options: LogOptions, ended: Promise<unknown>): AsyncGenerator<LogLine> {
  const since = options.since === undefined ? undefined : sinceNs(options.since);
  const changes = options.follow ? new FolderChanges(dirname(path), ended, options.signal) : undefined;
  let file: FileHandle | undefined;
  try {
    const start = await findStart(path, options.tail);
    if (!start) return;
    file = start.file;
    let offset = start.offset;
    let splitter = new EntrySplitter();
    let reached = since === undefined;
    for (;;) {
      // Asked before the read: what is written later than this wakes the wait below.
      const over = changes === undefined || changes.over;
      const block = Buffer.allocUnsafe(blockBytes);
      const { bytesRead } = await file.read(block, 0, blockBytes, offset);
      offset += bytesRead;
      for (const line of splitter.push(block.subarray(0, bytesRead))) {
        if (options.signal?.aborted) return;
        reached ||= (timeNs(line.time) ?? 0n) >= (since as bigint);
        if (reached) yield line;
      }
      if (bytesRead > 0) continue;
      const next = await openNext(path, file);
      if (next) {
        // Rotated between the read and the look: the rest of the old file comes first.
        const size = (await file.stat()).size;
        if (size > offset) {
          await next.close();
          continue;
        }
        await file.close();
        file = next;
        offset = 0;
        splitter = new EntrySplitter();
      } else if (over || options.signal?.aborted) {
        return;
      } else {
        await changes.next();
      }
    }
  } finally {
    changes?.close();
    await file?.close();
  }
}

function sinceNs(since: string): bigint {
  const ns = timeNs(since);
  if (ns !== undefined) return ns;
  throw new GranuleError("INVALID_ARGUMENT", `not a time: ${since}`, {
    hint: "give ISO 8601, such as 2026-11-23T12:00:00Z",
  });
}

/** The log's files that exist, oldest first. */
async function logFiles(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((thrown: unknown): string[] => {
    if (isMissing(thrown)) return [];
    throw GranuleError.from(thrown);
  });
  const numbers = names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a);
  const rotated = numbers.map((number) => `${path}.${number}`);
  return names.includes(basename(path)) ? [...rotated, path] : rotated;
}

async function findStart(
  path: string,
  tail: number | undefined,
): Promise<{ file: FileHandle; offset: number } | undefined> {
  const files = await logFiles(path);
  if (tail === undefined) {
    for (const name of files) {
      const file = await openExisting(name);
      if (file) return { file, offset: 0 };
    }
    return undefined;
  }
  let wanted = tail;
  let oldest: { file: FileHandle; offset: number } | undefined;
  for (const name of files.reverse()) {
    const file = await openExisting(name);
    if (!file) continue;
    await oldest?.file.close();
    const found = await findTail(file, (await file.stat()).size, wanted);
    oldest = { file, offset: found.offset };
    wanted -= found.lines;
    if (wanted <= 0) break;
  }
  return oldest;
}

/** The file that follows the one in hand: the next younger by its inode, or the oldest where it was rotated away. */
async function openNext(path: string, current: FileHandle): Promise<FileHandle | undefined> {
  const inode = (await current.stat()).ino;
  const files = await logFiles(path);
  let at = -1;
  for (const [index, name] of files.entries()) {
    const found = await stat(name).catch(() => undefined);
    if (found?.ino === inode) at = index;
  }
  const name = files[at + 1];
  return name === undefined ? undefined : openExisting(name);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw GranuleError.from(thrown);
  }
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === "ENOENT";
}

/** Wakes a reader when something in a folder changed, the container ended or the reader was aborted. */
class FolderChanges {
  readonly #watcher;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#finish();
  readonly #forget: () => void;
  #changed = false;
  #wake: (() => void) | undefined;
  over = false;

  constructor(folder: string, ended: Promise<unknown>, signal: AbortSignal | undefined) {
    this.#watcher = watch(folder, () => this.#notify());
    this.#watcher.on("error", () => this.#finish());
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#forget = whilePending(ended, this.#onAbort, this.#onAbort);
  }

  async next(): Promise<void> {
    if (!this.#changed && !this.over) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#changed = false;
  }

  close(): void {
    this.#watcher.close();
    this.#forget();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #finish(): void {
    this.over = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed = true;
    this.#wake?.();
  }
}

import { createHash } from "node:crypto";
import {
  close,
  constants,
  fstatSync,
  ftruncateSync,
  open,
  read,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writev,
} from "node:fs";
import { promisify } from "node:util";
import { GranuleError } from "../../errors.js";
import type { GrowingBlob } from "../growing-blob.js";

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeVector = promisify(writev);

/** A stretch of the file; its bytes up to `start + done` are there. */
export interface Segment {
  start: number;
  /** First byte after it. */
  end: number;
  done: number;
}

const READ_BYTES = 1024 * 1024;
/** A split download writes down how far it is after so many bytes. */
const JOURNAL_BYTES = 4 * 1024 * 1024;

/**
 * The file of a blob that is on its way. While it has no hole, its length tells how far it is; before it gets one, a
 * journal beside it does, which is always behind the file and never ahead, so that a crash at any instant loses a little
 * and believes nothing wrong. The digest is taken as bytes arrive, in their order, and the blob's readers follow it.
 */
export class PartialFile {
  readonly #blob: GrowingBlob;
  readonly #path: string;
  readonly #descriptor: number;
  #segments: Segment[];
  readonly #claimed = new Set<Segment>();
  /** The first segment that is not full, as far as anybody has looked. */
  #front = 0;
  #doneBytes: number;
  #hash = createHash("sha256");
  #hashed = 0;
  #catchingUp: Promise<void> | undefined;
  #unwritten = 0;
  #journalled: boolean;
  #buffer: Buffer | undefined;

  private constructor(blob: GrowingBlob, descriptor: number, segments: Segment[], journalled: boolean) {
    this.#journalled = journalled;
    this.#blob = blob;
    this.#path = blob.path;
    this.#descriptor = descriptor;
    this.#segments = segments;
    this.#doneBytes = segments.reduce((sum, { done }) => sum + done, 0);
  }

  /** Opens what an earlier attempt left, or begins. */
  static async open(blob: GrowingBlob): Promise<PartialFile> {
    const { path, size } = blob;
    const descriptor = await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600).catch(
      told,
    );
    const length = fstatSync(descriptor).size;
    // A journal is written before the file has its first hole, and goes after the file.
    if (length === 0) rmSync(journalPath(path), { force: true });
    const journal = readJournal(journalPath(path), size);
    const whole = { start: 0, end: size, done: Math.min(length, size) };
    const file = new PartialFile(blob, descriptor, journal ?? [whole], journal !== undefined);
    if (length > size) file.restart();
    blob.advance(file.#contiguous());
    file.#follow();
    return file;
  }

  get size(): number {
    return this.#blob.size;
  }

  get doneBytes(): number {
    return this.#doneBytes;
  }

  /** Forgets everything: one segment again, and empty. Nothing may be claimed. */
  restart(): void {
    this.#blob.lose();
    // In this order: a journal counts for nothing beside an empty file.
    ftruncateSync(this.#descriptor, 0);
    rmSync(journalPath(this.#path), { force: true });
    this.#segments = [{ start: 0, end: this.size, done: 0 }];
    this.#front = 0;
    this.#doneBytes = 0;
    this.#hash = createHash("sha256");
    this.#hashed = 0;
    this.#unwritten = 0;
    this.#journalled = false;
  }

  /**
   * The first stretch that is missing and nobody has claimed, at most about so long: where readers wait for it first.
   * It is the caller's until released.
   */
  claim(mostBytes: number): Segment | undefined {
    for (let index = this.#firstGap(); index < this.#segments.length; index++) {
      const segment = this.#segments[index] as Segment;
      const from = segment.start + segment.done;
      if (from === segment.end || this.#claimed.has(segment)) continue;
      // A short rest is not worth a request of its own.
      if (segment.end - from >= 2 * mostBytes) {
        const rest = { start: from + mostBytes, end: segment.end, done: 0 };
        segment.end = rest.start;
        this.#segments.splice(index + 1, 0, rest);
      }
      if (!this.#journalled && from > this.#contiguous()) this.#writeJournal();
      this.#claimed.add(segment);
      return segment;
    }
    return undefined;
  }

  release(segment: Segment): void {
    this.#claimed.delete(segment);
  }

  /** Adds bytes to a segment; those beyond its end must not be given. */
  async append(segment: Segment, chunks: readonly Uint8Array[]): Promise<void> {
    const position = segment.start + segment.done;
    const inOrder = position === this.#hashed && this.#catchingUp === undefined;
    let bytes = 0;
    for (const chunk of chunks) {
      if (inOrder) this.#hash.update(chunk);
      bytes += chunk.length;
    }
    if (inOrder) this.#hashed += bytes;
    await this.#write(chunks, position, bytes);
    segment.done += bytes;
    this.#doneBytes += bytes;
    this.#blob.advance(this.#contiguous());
    if (this.#journalled) {
      this.#unwritten += bytes;
      if (this.#unwritten >= JOURNAL_BYTES) this.#writeJournal();
    }
    this.#follow();
  }

  /** The digest of the whole file, once every segment is full. */
  async digest(): Promise<string> {
    while (this.#hashed < this.size && this.#contiguous() > this.#hashed) await this.#catchUp();
    if (this.#hashed !== this.size) throw new GranuleError("INTERNAL", `${this.#path} is not whole`);
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }

  async close(): Promise<void> {
    if (this.#journalled) this.#writeJournal();
    await this.#catchingUp?.catch(() => undefined);
    await closeFile(this.#descriptor);
  }

  async #write(chunks: readonly Uint8Array[], position: number, bytes: number): Promise<void> {
    const { bytesWritten } = await writeVector(this.#descriptor, chunks, position).catch(told);
    if (bytesWritten === bytes) return;
    const rest = Buffer.concat(chunks).subarray(bytesWritten);
    await this.#write([rest], position + bytesWritten, rest.length);
  }

  /** Lets the digest catch up with what lies behind it already. */
  #follow(): void {
    // A failure is met again where the digest is asked for.
    if (this.#contiguous() > this.#hashed) this.#catchUp().catch(() => undefined);
  }

  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readBehind().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  /** Hashes what was written out of order, as far as there is no hole. */
  async #readBehind(): Promise<void> {
    this.#buffer ??= Buffer.allocUnsafe(READ_BYTES);
    const buffer = this.#buffer;
    for (let end = this.#contiguous(); this.#hashed < end; end = this.#contiguous()) {
      const length = Math.min(READ_BYTES, end - this.#hashed);
      const { bytesRead } = await readFile(this.#descriptor, buffer, 0, length, this.#hashed).catch(told);
      if (bytesRead === 0) throw new GranuleError("CORRUPT", `${this.#path} became shorter`, { path: this.#path });
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#hashed += bytesRead;
    }
  }

  /** Bytes from the beginning on without a hole. */
  #contiguous(): number {
    const gap = this.#segments[this.#firstGap()];
    return gap === undefined ? this.size : gap.start + gap.done;
  }

  #firstGap(): number {
    for (; this.#front < this.#segments.length; this.#front++) {
      const { start, end, done } = this.#segments[this.#front] as Segment;
      if (start + done < end) break;
    }
    return this.#front;
  }

  #writeJournal(): void {
    this.#journalled = true;
    this.#unwritten = 0;
    const path = journalPath(this.#path);
    try {
      const document = { size: this.size, segments: joined(this.#segments) };
      writeFileSync(`${path}.new`, JSON.stringify(document), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (thrown) {
      told(thrown);
    }
  }
}

/** The same, with what follows a full segment as part of it. */
function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (last === undefined || last.start + last.done < last.end) {
      result.push({ ...segment });
      continue;
    }
    last.end = segment.end;
    last.done += segment.done;
  }
  return result;
}

function journalPath(path: string): string {
  return `${path}.json`;
}

/** The segments that a journal tells; undefined where it is absent, of another size or no whole journal. */
function readJournal(path: string, size: number): Segment[] | undefined {
  let segments: unknown;
  try {
    const document = JSON.parse(readFileSync(path, "utf8")) as { size?: unknown; segments?: unknown };
    if (document.size !== size) return undefined;
    segments = document.segments;
  } catch {
    return undefined;
  }
  if (!Array.isArray(segments) || segments.length === 0) return undefined;
  let position = 0;
  for (const { start, end, done } of segments as Partial<Segment>[]) {
    if (start !== position || !Number.isSafeInteger(end) || !Number.isSafeInteger(done)) return undefined;
    if ((end ?? 0) <= start || (done ?? -1) < 0 || start + (done ?? 0) > (end ?? 0)) return undefined;
    position = end ?? 0;
  }
  return position === size ? (segments as Segment[]) : undefined;
}

function told(thrown: unknown): never {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    throw new GranuleError("RESOURCE_EXHAUSTED", "the disk is full: the download stopped where it is", {
      errno: code,
      hint: "free some space (`granule prune --images` may help) and pull again: it goes on from here",
      cause: thrown,
    });
  }
  throw GranuleError.from(thrown);
}

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
 * The file of a blob that is on its way. While it is one segment, its length tells how far it is; once it is split, a
 * journal beside it does, which is always behind the file and never ahead, so that a crash at any instant loses a little
 * and believes nothing wrong. The digest is taken as bytes arrive, in their order.
 */
export class PartialFile {
  readonly path: string;
  readonly size: number;
  readonly #descriptor: number;
  #segments: Segment[];
  #hash = createHash("sha256");
  #hashed = 0;
  #catchingUp: Promise<void> | undefined;
  #unwritten = 0;

  private constructor(path: string, size: number, descriptor: number, segments: Segment[]) {
    this.path = path;
    this.size = size;
    this.#descriptor = descriptor;
    this.#segments = segments;
  }

  /** Opens what an earlier attempt left, or begins. @param size that the whole blob is to have */
  static async open(path: string, size: number): Promise<PartialFile> {
    const descriptor = await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600).catch(
      told,
    );
    const length = fstatSync(descriptor).size;
    // A journal is written before the file has its first hole, and goes after the file.
    if (length === 0) rmSync(journalPath(path), { force: true });
    const journal = readJournal(journalPath(path), size);
    const whole = { start: 0, end: size, done: Math.min(length, size) };
    const file = new PartialFile(path, size, descriptor, journal ?? [whole]);
    if (length > size) file.restart();
    return file;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get doneBytes(): number {
    return this.#segments.reduce((sum, { done }) => sum + done, 0);
  }

  /** Forgets everything: one segment again, and empty. */
  restart(): void {
    // In this order: a journal counts for nothing beside an empty file.
    ftruncateSync(this.#descriptor, 0);
    rmSync(journalPath(this.path), { force: true });
    this.#segments = [{ start: 0, end: this.size, done: 0 }];
    this.#hash = createHash("sha256");
    this.#hashed = 0;
    this.#unwritten = 0;
  }

  /** Splits what is missing of a file of one segment into so many. */
  split(count: number): void {
    const [only] = this.#segments;
    if (this.#segments.length !== 1 || only === undefined || count < 2) return;
    const from = only.start + only.done;
    const length = Math.ceil((only.end - from) / count);
    const parts = Array.from({ length: count }, (_, index) => ({
      start: index === 0 ? 0 : from + index * length,
      end: Math.min(from + (index + 1) * length, this.size),
      done: index === 0 ? from : 0,
    }));
    this.#segments = parts.filter((part) => part.end > part.start);
    this.#writeJournal();
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
    if (this.#segments.length > 1) {
      this.#unwritten += bytes;
      if (this.#unwritten >= JOURNAL_BYTES) this.#writeJournal();
    }
    if (!inOrder && this.#hashed === position) await this.#catchUp();
  }

  /** The digest of the whole file, once every segment is full. */
  async digest(): Promise<string> {
    await this.#catchUp();
    if (this.#hashed !== this.size) throw new GranuleError("INTERNAL", `${this.path} is not whole`);
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }

  /** Reads what an earlier attempt left, so that the bytes to come can be hashed as they arrive. */
  async resume(): Promise<void> {
    await this.#catchUp();
  }

  async close(): Promise<void> {
    if (this.#segments.length > 1) this.#writeJournal();
    await this.#catchingUp?.catch(() => undefined);
    await closeFile(this.#descriptor);
  }

  async #write(chunks: readonly Uint8Array[], position: number, bytes: number): Promise<void> {
    const { bytesWritten } = await writeVector(this.#descriptor, chunks, position).catch(told);
    if (bytesWritten === bytes) return;
    const rest = Buffer.concat(chunks).subarray(bytesWritten);
    await this.#write([rest], position + bytesWritten, rest.length);
  }

  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readBehind().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  /** Hashes what was written out of order, as far as there is no hole. */
  async #readBehind(): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let end = this.#contiguous(); this.#hashed < end; end = this.#contiguous()) {
      const length = Math.min(READ_BYTES, end - this.#hashed);
      const { bytesRead } = await readFile(this.#descriptor, buffer, 0, length, this.#hashed).catch(told);
      if (bytesRead === 0) throw new GranuleError("CORRUPT", `${this.path} became shorter`, { path: this.path });
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#hashed += bytesRead;
    }
  }

  /** Bytes from the beginning on without a hole. */
  #contiguous(): number {
    let end = 0;
    for (const segment of this.#segments) {
      end = segment.start + segment.done;
      if (end < segment.end) break;
    }
    return end;
  }

  #writeJournal(): void {
    this.#unwritten = 0;
    const path = journalPath(this.path);
    try {
      writeFileSync(`${path}.new`, JSON.stringify({ size: this.size, segments: this.#segments }), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (thrown) {
      told(thrown);
    }
  }
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

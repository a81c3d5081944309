import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../errors.js";
import { copyHashed } from "./copy-hashed.js";
import { GrowingBlob } from "./growing-blob.js";
import { corrupt, MAX_JSON_BYTES } from "./json.js";
import { type Hold, Pins } from "./pins.js";
import { SharedJobs } from "./shared-jobs.js";
import { sha256 } from "./source.js";

/** Bytes of a download that have come in so far, whoever asked for it first, and the blob for those who follow it. */
export type BlobProgress = (doneBytes: number, growing?: GrowingBlob) => void;

/** Fills the file of a blob, from where an earlier attempt left off, and verifies it. */
export type BlobDownload = (
  growing: GrowingBlob,
  signal: AbortSignal,
  onProgress: (doneBytes: number) => void,
) => Promise<void>;

interface Fetched {
  doneBytes: number;
  growing: GrowingBlob;
}

const HEX = /^[0-9a-f]{64}$/;
const PARTIAL = /^([0-9a-f]{64})\.partial(?:\.json)?$/;
const NEW = ".new-";
/** An interrupted download that nobody has taken up for so long is given up. */
const STALE_PARTIAL_MS = 7 * 24 * 3600 * 1000;

/**
 * Verified blobs by digest: `<folder>/<hex>`, and beside them `<hex>.partial`, which a download fills. A blob appears by
 * rename once its digest and size are proven, so that what has the name is whole.
 */
export class BlobStore {
  readonly #folder: string;
  readonly #downloads = new SharedJobs<Fetched, void>();
  readonly #pins = new Pins();

  /** @param folder `blobs/sha256` below the root; what a crash left there goes, partial downloads stay */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      if (HEX.test(name) || this.#isFreshPartial(name)) continue;
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }

  path(digest: string): string {
    return join(this.#folder, hexOf(digest));
  }

  /** Whether a blob is there, with the size that is expected of it where one is. */
  has(digest: string, size?: number): boolean {
    const found = this.size(digest);
    return found !== undefined && (size === undefined || found === size);
  }

  /** Bytes on disk; undefined where the blob is not there. */
  size(digest: string): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size;
  }

  /**
   * A small blob, verified once more.
   * @returns undefined where it is not there
   */
  read(digest: string): Buffer | undefined {
    const size = this.size(digest);
    if (size === undefined || size > MAX_JSON_BYTES) return undefined;
    const bytes = readFileSync(this.path(digest));
    // What the disk has lost is fetched anew.
    return sha256(bytes) === digest ? bytes : undefined;
  }

  /** Keeps a small blob. @returns its digest */
  put(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    if (this.has(digest, bytes.length)) return digest;
    const path = this.#scratch();
    try {
      writeFileSync(path, bytes, { mode: 0o600 });
      renameSync(path, this.path(digest));
    } catch (thrown) {
      rmSync(path, { force: true });
      throw GranuleError.from(thrown, isFull(thrown) ? "RESOURCE_EXHAUSTED" : "INTERNAL");
    }
    return digest;
  }

  /**
   * Keeps a copy of a file, hashed on the way.
   * @param expected digest and size that the file must have
   * @param hold gets the blob before it is there
   * @throws GranuleError CORRUPT where it has others
   */
  async adopt(
    source: string,
    expected: { digest?: string | undefined; size?: number | undefined },
    hold: Hold,
    signal?: AbortSignal,
  ): Promise<{ digest: string; size: number }> {
    const path = this.#scratch();
    try {
      const { digest, size } = await copyHashed(source, path, signal);
      if (expected.size !== undefined && size !== expected.size) {
        throw corrupt(`a layer has ${size} bytes, not ${expected.size}`, source);
      }
      if (expected.digest !== undefined && digest !== expected.digest) {
        throw corrupt(`a layer's digest is ${digest}, not ${expected.digest}`, source);
      }
      hold.add(digest);
      renameSync(path, this.path(digest));
      return { digest, size };
    } finally {
      rmSync(path, { force: true });
    }
  }

  /**
   * Fetches a blob unless it is there. All who want the same one at a time share a download, which ends early only once
   * nobody wants it any more.
   */
  async fetch(
    { digest, size }: { digest: string; size: number },
    download: BlobDownload,
    signal: AbortSignal,
    onProgress: BlobProgress,
  ): Promise<void> {
    if (this.has(digest, size)) return;
    const run = async (jobSignal: AbortSignal, tell: (fetched: Fetched) => void): Promise<void> => {
      if (this.has(digest, size)) return;
      const partial = `${this.path(digest)}.partial`;
      const growing = new GrowingBlob(partial, size);
      try {
        await download(growing, jobSignal, (doneBytes) => tell({ doneBytes, growing }));
        renameSync(partial, this.path(digest));
        growing.end(this.path(digest));
      } finally {
        // Nothing where it has ended.
        growing.lose();
      }
      rmSync(`${partial}.json`, { force: true });
    };
    await this.#downloads.join(digest, run, signal, ({ doneBytes, growing }) => onProgress(doneBytes, growing));
  }

  /** Keeps the blobs that are added to it from removal. */
  hold(): Hold {
    return this.#pins.hold();
  }

  /** Digests of every whole blob. */
  list(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => HEX.test(name))
      .map((hex) => `sha256:${hex}`);
  }

  /** Removes blobs that nobody pins. @returns the bytes that came free */
  remove(digests: readonly string[]): number {
    let bytes = 0;
    for (const digest of digests) {
      if (this.#pins.has(digest)) continue;
      bytes += this.size(digest) ?? 0;
      rmSync(this.path(digest), { force: true });
    }
    return bytes;
  }

  /** Removes what downloads left that nobody goes on with now. @returns the bytes that came free */
  removePartials(): number {
    let bytes = 0;
    for (const name of readdirSync(this.#folder)) {
      const hex = PARTIAL.exec(name)?.[1];
      if (hex === undefined || this.#downloads.has(`sha256:${hex}`)) continue;
      const path = join(this.#folder, name);
      // A download may have been split, so that its file has holes.
      bytes += (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
      rmSync(path, { force: true });
    }
    return bytes;
  }

  /** Bytes that downloads under way, or interrupted, take up on disk. */
  partialBytes(blobs: readonly { digest: string }[]): number {
    const blocks = ({ digest }: { digest: string }): number =>
      statSync(`${this.path(digest)}.partial`, { throwIfNoEntry: false })?.blocks ?? 0;
    return blobs.reduce((sum, blob) => sum + blocks(blob) * 512, 0);
  }

  #scratch(): string {
    return join(this.#folder, NEW + randomBytes(8).toString("hex"));
  }

  #isFreshPartial(name: string): boolean {
    if (!PARTIAL.test(name)) return false;
    const { mtimeMs } = statSync(join(this.#folder, name));
    return Date.now() - mtimeMs < STALE_PARTIAL_MS;
  }
}

function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}

function isFull(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import type { GrowingBlob } from "./growing-blob.js";
import { corrupt } from "./json.js";
import { isOpaque } from "./merged.js";
import { type UnpackLimits, unpackTar } from "./unpack.js";

/** What is remembered of an unpacked layer; written after its folder is in place, so that it proves it whole. */
export interface LayerRecord {
  /** Sum of the sizes of its regular files. */
  bytes: number;
  /** Its root hides every layer below. */
  opaque: boolean;
}

/** A layer's tar on disk, and what the image claims of it. */
export interface LayerSource {
  path: string;
  /** Expected digest and size of the file as it stands; docker archives claim none. */
  digest?: string;
  size?: number;
  /** Whether the file has been checked against that digest already. */
  verified?: boolean;
  /** The blob where it is being fetched: its end proves its digest. */
  growing?: GrowingBlob;
}

export interface LayerOptions {
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

/** A layer in place, kept from removal until released. */
export interface UnpackedLayer {
  diffId: string;
  record: LayerRecord;
  release: () => void;
}

const PARTIAL = ".partial-";
const RECORDS = ".records";

/**
 * Unpacked layers by diffID: `<folder>/<hex>/` in overlayfs form and `<folder>/.records/<hex>.json`. A layer appears
 * by rename and counts once its record is there; whatever a crash leaves between is cleared at the next open.
 */
export class LayerStore {
  readonly #folder: string;
  readonly #limits: UnpackLimits;
  readonly #records = new Map<string, LayerRecord>();
  readonly #unpacking = new Map<string, { source: LayerSource; result: Promise<unknown> }>();
  readonly #pins = new Map<string, number>();

  constructor(folder: string, limits: UnpackLimits) {
    this.#folder = folder;
    this.#limits = limits;
    mkdirSync(join(folder, RECORDS), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      if (name === RECORDS) continue;
      if (!/^[0-9a-f]{64}$/.test(name) || !this.#read(name))
        rmSync(join(folder, name), { recursive: true, force: true });
    }
  }

  /** The unpacked layer's folder. */
  path(diffId: string): string {
    return join(this.#folder, hexOf(diffId));
  }

  record(diffId: string): LayerRecord | undefined {
    const hex = hexOf(diffId);
    const known = this.#records.get(hex) ?? this.#read(hex);
    if (known) this.#records.set(hex, known);
    return known;
  }

  /** Keeps layers from removal until the returned function is called. */
  pin(diffIds: readonly string[]): () => void {
    for (const diffId of diffIds) this.#pins.set(diffId, (this.#pins.get(diffId) ?? 0) + 1);
    let held = [...diffIds];
    return () => {
      const released = held;
      held = [];
      for (const diffId of released) {
        const left = (this.#pins.get(diffId) ?? 1) - 1;
        if (left > 0) this.#pins.set(diffId, left);
        else this.#pins.delete(diffId);
      }
    };
  }

  /** A fresh folder beside the layers, for work that a crash may leave behind. */
  scratch(): string {
    const path = join(this.#folder, PARTIAL + randomBytes(8).toString("hex"));
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /**
   * Unpacks a layer unless it is there already.
   * @throws GranuleError CORRUPT where a digest, a size or the tar itself is not as claimed
   */
  async ensure(diffId: string, source: LayerSource, options: LayerOptions): Promise<LayerRecord> {
    for (let other = this.#unpacking.get(diffId); other; other = this.#unpacking.get(diffId)) {
      // Who has the whole blob does not wait for a network.
      if (isComing(other.source) && !isComing(source)) break;
      await settled(other.result, options.signal);
    }
    const present = this.record(diffId);
    if (present) return present;
    const unpacking = { source, result: this.#unpack(source, options, diffId) };
    this.#unpacking.set(diffId, unpacking);
    try {
      const { record, release } = await unpacking.result;
      release();
      return record;
    } finally {
      if (this.#unpacking.get(diffId) === unpacking) this.#unpacking.delete(diffId);
    }
  }

  /** Unpacks a tar whose diffID nobody has told. The layer comes back pinned. */
  async add(source: LayerSource, options: LayerOptions): Promise<UnpackedLayer> {
    return await this.#unpack(source, options);
  }

  /** Removes layers that nobody pins. */
  async remove(diffIds: readonly string[]): Promise<void> {
    const doomed: string[] = [];
    for (const diffId of diffIds) {
      if (this.#pins.has(diffId)) continue;
      const hex = hexOf(diffId);
      this.#records.delete(hex);
      rmSync(this.#recordPath(hex), { force: true });
      const trash = join(this.scratch(), "layer");
      try {
        renameSync(this.path(diffId), trash);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
      }
      doomed.push(join(trash, ".."));
    }
    for (const path of doomed) await rm(path, { recursive: true, force: true });
  }

  /** diffIDs of every layer on disk. */
  list(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((hex) => `sha256:${hex}`);
  }

  async #unpack(source: LayerSource, options: LayerOptions, expected?: string): Promise<UnpackedLayer> {
    const scratch = this.scratch();
    try {
      const target = join(scratch, "layer");
      mkdirSync(target, { mode: 0o755 });
      // Some writers leave the end marker out; where the diffID is known, it tells a whole layer better.
      const unpacking = {
        ...options,
        endOptional: expected !== undefined,
        verified: source.verified === true || source.growing !== undefined || source.digest === undefined,
      };
      const result = await unpackTar(
        source.growing ?? source.path,
        target,
        this.#limits,
        unpacking,
        expected ?? source.path,
      );
      if (source.digest !== undefined && result.digest !== undefined && result.digest !== source.digest) {
        throw corrupt(`a layer's digest is ${result.digest}, not ${source.digest}`, source.path);
      }
      if (expected !== undefined && result.diffId !== expected) {
        throw corrupt(`a layer's diffID is ${result.diffId}, not ${expected}`, source.path);
      }
      const record = { bytes: result.bytes, opaque: isOpaque(target) };
      this.#commit(result.diffId, target, record);
      return { diffId: result.diffId, record, release: this.pin([result.diffId]) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** Another load may have brought the same layer meanwhile: then that one stays. */
  #commit(diffId: string, target: string, record: LayerRecord): void {
    if (this.record(diffId)) return;
    const hex = hexOf(diffId);
    renameSync(target, this.path(diffId));
    const path = this.#recordPath(hex);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    this.#records.set(hex, record);
  }

  #recordPath(hex: string): string {
    return join(this.#folder, RECORDS, `${hex}.json`);
  }

  #read(hex: string): LayerRecord | undefined {
    try {
      const { bytes, opaque } = JSON.parse(readFileSync(this.#recordPath(hex), "utf8")) as Partial<LayerRecord>;
      return typeof bytes === "number" && typeof opaque === "boolean" ? { bytes, opaque } : undefined;
    } catch {
      // No record or half a record: the layer does not count.
      return undefined;
    }
  }
}

function hexOf(diffId: string): string {
  return diffId.slice("sha256:".length);
}

/** Whether the end of a blob is still to come. */
function isComing({ growing }: LayerSource): boolean {
  return growing !== undefined && !growing.whole;
}

async function settled(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal?.removeEventListener("abort", done);
      resolve();
    };
    signal?.addEventListener("abort", done);
    promise.then(done, done);
    if (signal?.aborted) done();
  });
  if (signal?.aborted) throw new GranuleError("CANCELLED", "unpacking was cancelled", { cause: signal.reason });
}

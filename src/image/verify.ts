import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ImageCheck, LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import type { BlobStore } from "./blobs.js";
import { compareTrees } from "./compare-trees.js";
import { hashFile } from "./copy-hashed.js";
import { blobsOf } from "./installer.js";
import type { LayerStore } from "./layers.js";
import { type Manifest, parseManifest } from "./manifest.js";
import type { ImageRow } from "./records.js";
import { sha256 } from "./source.js";
import { type UnpackLimits, unpackTar } from "./unpack.js";

export interface VerifyOptions {
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

/** Differences told of one layer; a damaged disk has thousands. */
const MOST_DIFFERENCES = 5;

/**
 * Checks images against their digests: every blob is read and hashed, and every unpacked layer compared with what its
 * blob unpacks to. What images share is checked once.
 */
export class Verifier {
  readonly #blobs: BlobStore;
  readonly #layers: LayerStore;
  readonly #limits: UnpackLimits;
  readonly #options: VerifyOptions;
  readonly #checked = new Map<string, string[]>();

  constructor(blobs: BlobStore, layers: LayerStore, limits: UnpackLimits, options: VerifyOptions) {
    this.#blobs = blobs;
    this.#layers = layers;
    this.#limits = limits;
    this.#options = options;
  }

  async check(row: ImageRow, names: string[]): Promise<ImageCheck> {
    const problems: string[] = [];
    if (sha256(Buffer.from(row.config)) !== row.id) problems.push("its configuration is not the one of its id");
    if (row.manifest === null) problems.push("it has no blobs: an older granule loaded it");
    for (const digest of blobsOf(row)) problems.push(...(await this.#once(digest, () => this.#checkBlob(digest))));
    const diffIds = JSON.parse(row.layers) as string[];
    const sources = this.#layerBlobs(row);
    for (const [index, diffId] of diffIds.entries()) {
      const blob = sources[index];
      problems.push(...(await this.#once(`layer ${diffId}`, () => this.#checkLayer(diffId, blob))));
    }
    return { id: row.id, names, ok: problems.length === 0, problems };
  }

  async #once(key: string, check: () => Promise<string[]>): Promise<string[]> {
    const known = this.#checked.get(key);
    if (known) return known;
    const { signal } = this.#options;
    if (signal?.aborted) throw new GranuleError("CANCELLED", "the check was cancelled", { cause: signal.reason });
    const found = await check();
    this.#checked.set(key, found);
    return found;
  }

  async #checkBlob(digest: string): Promise<string[]> {
    if (!this.#blobs.has(digest)) return [`blob ${digest} is missing`];
    this.#options.onProgress?.({ stage: "verify", layer: digest });
    const actual = await hashFile(this.#blobs.path(digest), this.#options.signal);
    return actual.digest === digest ? [] : [`blob ${digest} is damaged: its digest is ${actual.digest}`];
  }

  async #checkLayer(diffId: string, blob: string | undefined): Promise<string[]> {
    if (!this.#layers.record(diffId)) return [`layer ${diffId} is missing`];
    if (blob === undefined || (this.#checked.get(blob)?.length ?? 1) > 0) return [];
    this.#options.onProgress?.({ stage: "verify", layer: diffId });
    const scratch = this.#layers.scratch();
    // A file system's clock is coarser than this one's.
    const since = Date.now() - 1000;
    try {
      const target = join(scratch, "layer");
      mkdirSync(target, { mode: 0o755 });
      const { signal } = this.#options;
      const options = { endOptional: true, ...(signal ? { signal } : {}) };
      const result = await unpackTar(this.#blobs.path(blob), target, this.#limits, options, diffId);
      if (result.diffId !== diffId) return [`layer ${diffId} is not what its blob holds`];
      const differences = await compareTrees(target, this.#layers.path(diffId), MOST_DIFFERENCES, since, signal);
      return differences.map((difference) => `layer ${diffId}: ${difference}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  #layerBlobs(row: ImageRow): string[] {
    const bytes = row.manifest === null ? undefined : this.#blobs.read(row.manifest);
    if (bytes === undefined) return [];
    return (parseManifest(bytes) as Manifest).layers.map(({ digest }) => digest);
  }
}

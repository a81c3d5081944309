import type { LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import type { BlobStore } from "./blobs.js";
import type { ParsedConfig } from "./config.js";
import type { LayerStore } from "./layers.js";
import { type ManifestLayer, makeManifest } from "./make-manifest.js";
import type { Hold } from "./pins.js";
import type { ImageRecords, ImageRow } from "./records.js";
import { Semaphore } from "./semaphore.js";
import { sha256 } from "./source.js";

export interface InstallOptions {
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** A layer that an image needs, wherever its blob comes from. */
export interface LayerInstall {
  diffId: string;
  /** What progress calls it: the digest of its blob, or where that is not known before, the diffID. */
  label: string;
  /** Bytes of the blob, where they are known before. */
  totalBytes?: number | undefined;
  /** Brings the blob into the store, into the hold, and tells what it is. */
  provide(hold: Hold, signal: AbortSignal, onProgress: (doneBytes: number) => void): Promise<ManifestLayer>;
}

export interface ImageInstall {
  /** Full names, by tag and by digest. */
  names: string[];
  id: string;
  config: ParsedConfig;
  configBytes: Uint8Array;
  /** As it came; made from the layers where the archive has none. */
  manifestBytes?: Uint8Array | undefined;
  /** Further blobs to keep with the image, such as the index that led to it. */
  kept: string[];
  layers: LayerInstall[];
}

const PARALLEL_UNPACKS = 2;
const PROGRESS_INTERVAL_MS = 100;

/** Brings images in: blobs, then unpacked layers, then the rows that make them images, in one transaction. */
export class Installer {
  readonly #blobs: BlobStore;
  readonly #layers: LayerStore;
  readonly #records: ImageRecords;

  constructor(blobs: BlobStore, layers: LayerStore, records: ImageRecords) {
    this.#blobs = blobs;
    this.#layers = layers;
    this.#records = records;
  }

  /**
   * All of the images, or none.
   * @param parallelBlobs how many blobs are brought in at once
   * @throws what the first failure was; what was brought in by then stays until it is collected
   */
  async install(
    images: readonly ImageInstall[],
    hold: Hold,
    options: InstallOptions,
    parallelBlobs: number,
  ): Promise<ImageRow[]> {
    const release = this.#layers.pin(images.flatMap(({ config }) => config.diffIds));
    const failure = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
    const turns = { blobs: new Semaphore(parallelBlobs), unpacks: new Semaphore(PARALLEL_UNPACKS) };
    const work = images.map((image) =>
      image.layers.map((layer) =>
        this.#installLayer(layer, hold, { ...options, signal }, turns).catch((thrown: unknown) => {
          // Only the first counts: it cancels the others, which then fail of that.
          failure.abort(GranuleError.from(thrown));
          throw thrown;
        }),
      ),
    );
    try {
      await Promise.allSettled(work.flat());
      if (failure.signal.aborted) throw options.signal?.aborted ? cancelled(options.signal) : failure.signal.reason;
      const rows: { row: ImageRow; names: string[] }[] = [];
      for (const [index, image] of images.entries()) {
        rows.push({ row: this.#toRow(image, await Promise.all(work[index] ?? []), hold), names: image.names });
      }
      this.#records.put(rows);
      return rows.map(({ row }) => row);
    } finally {
      release();
    }
  }

  async #installLayer(
    layer: LayerInstall,
    hold: Hold,
    options: InstallOptions & { signal: AbortSignal },
    turns: { blobs: Semaphore; unpacks: Semaphore },
  ): Promise<ManifestLayer> {
    const { onProgress, signal } = options;
    const { diffId, label, totalBytes } = layer;
    const blob = await turns.blobs.run(async () => {
      refuseAborted(signal);
      let toldAt = 0;
      return layer.provide(hold, signal, (doneBytes) => {
        const now = performance.now();
        if (doneBytes !== totalBytes && now - toldAt < PROGRESS_INTERVAL_MS) return;
        toldAt = now;
        onProgress?.({
          stage: "download",
          layer: label,
          doneBytes,
          ...(totalBytes === undefined ? {} : { totalBytes }),
        });
      });
    });
    await turns.unpacks.run(async () => {
      refuseAborted(signal);
      const tell = onProgress && ((progress: LoadProgress): void => onProgress({ ...progress, layer: label }));
      const source = { path: this.#blobs.path(blob.digest), digest: blob.digest, size: blob.size };
      await this.#layers.ensure(diffId, source, { signal, ...(tell ? { onProgress: tell } : {}) });
    });
    onProgress?.({ stage: "ready", layer: label });
    return blob;
  }

  /** Where the same image is there with its own manifest, one that was made up does not take that one's place. */
  #toRow(image: ImageInstall, layers: ManifestLayer[], hold: Hold): ImageRow {
    const size = image.config.diffIds.reduce((sum, diffId) => sum + (this.#layers.record(diffId)?.bytes ?? 0), 0);
    const row = {
      id: image.id,
      config: Buffer.from(image.configBytes).toString("utf8"),
      layers: JSON.stringify(image.config.diffIds),
      size,
      created_at: image.config.created ?? new Date().toISOString(),
    };
    const known = image.manifestBytes === undefined ? this.#records.get(image.id) : undefined;
    if (known?.manifest && blobsOf(known).every((digest) => this.#blobs.has(digest))) {
      return { ...row, manifest: known.manifest, blobs: known.blobs };
    }
    const bytes = image.manifestBytes ?? makeManifest({ digest: image.id, size: image.configBytes.length }, layers);
    const manifest = sha256(bytes);
    const blobs = [...new Set([manifest, image.id, ...layers.map(({ digest }) => digest), ...image.kept])];
    hold.add(...blobs);
    this.#blobs.put(bytes);
    this.#blobs.put(image.configBytes);
    return { ...row, manifest, blobs: JSON.stringify(blobs) };
  }
}

/** Digests of every blob of an image. */
export function blobsOf(row: ImageRow): string[] {
  return JSON.parse(row.blobs) as string[];
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
}

function cancelled({ reason }: AbortSignal): GranuleError {
  return new GranuleError("CANCELLED", "it was cancelled", { cause: reason });
}

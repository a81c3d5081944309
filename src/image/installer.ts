import type { LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import type { BlobStore } from "./blobs.js";
import type { ParsedConfig } from "./config.js";
import { cancelled, type LayerInstall, LayerInstaller } from "./layer-installer.js";
import type { LayerStore } from "./layers.js";
import { type ManifestLayer, makeManifest } from "./make-manifest.js";
import type { Hold } from "./pins.js";
import type { ImageRecords, ImageRow } from "./records.js";
import { sha256 } from "./source.js";

export interface InstallOptions {
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
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
    const installer = new LayerInstaller(this.#blobs, this.#layers, parallelBlobs);
    const work = images.map((image) =>
      image.layers.map((layer) =>
        installer.install(layer, hold, { ...options, signal }).catch((thrown: unknown) => {
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

import type { LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import type { BlobProgress, BlobStore } from "./blobs.js";
import type { GrowingBlob } from "./growing-blob.js";
import type { LayerOptions, LayerStore } from "./layers.js";
import type { ManifestLayer } from "./make-manifest.js";
import type { Hold } from "./pins.js";
import { Semaphore } from "./semaphore.js";

/** A layer that an image needs, wherever its blob comes from. */
export interface LayerInstall {
  diffId: string;
  /** What progress calls it: the digest of its blob, or where that is not known before, the diffID. */
  label: string;
  /** Bytes of the blob, where they are known before. */
  totalBytes?: number | undefined;
  /** Brings the blob into the store, into the hold, and tells what it is; on its way, how far it is and how to follow it. */
  provide(hold: Hold, signal: AbortSignal, onProgress: BlobProgress): Promise<ManifestLayer>;
}

export interface LayerInstallOptions {
  onProgress?: ((progress: LoadProgress) => void) | undefined;
  signal: AbortSignal;
}

/** What came of unpacking a blob while it was fetched. */
interface Followed {
  unpacked: boolean;
  failure?: GranuleError;
}

const PARALLEL_UNPACKS = 2;
/** Beside those: what is unpacked on its way waits for the network most of the time. */
const PARALLEL_FOLLOWED = 4;
const PROGRESS_INTERVAL_MS = 100;

/** Brings layers in: blobs several at once, each unpacked while it comes where it can be followed, and after it else. */
export class LayerInstaller {
  readonly #blobs: BlobStore;
  readonly #layers: LayerStore;
  readonly #blobTurns: Semaphore;
  readonly #unpackTurns = new Semaphore(PARALLEL_UNPACKS);
  #following = 0;

  /** @param parallelBlobs how many blobs are brought in at once */
  constructor(blobs: BlobStore, layers: LayerStore, parallelBlobs: number) {
    this.#blobs = blobs;
    this.#layers = layers;
    this.#blobTurns = new Semaphore(parallelBlobs);
  }

  /** @returns the blob, once it and the unpacked layer are in place */
  async install(layer: LayerInstall, hold: Hold, options: LayerInstallOptions): Promise<ManifestLayer> {
    const { onProgress, signal } = options;
    const { diffId, label } = layer;
    const unpacking = { signal, ...(onProgress ? { onProgress: labelled(onProgress, label) } : {}) };
    const tell = downloadTold(layer, onProgress);
    // A layer that this host cannot unpack needs no more of its blob.
    const hostFailure = new AbortController();
    const provideSignal = AbortSignal.any([signal, hostFailure.signal]);
    const followed: { blob?: GrowingBlob; outcome?: Promise<Followed> } = {};
    const follow: BlobProgress = (doneBytes, growing) => {
      tell(doneBytes);
      if (growing === undefined || followed.blob || growing.lost || this.#following >= PARALLEL_FOLLOWED) return;
      followed.blob = growing;
      followed.outcome = this.#follow(diffId, growing, unpacking, hostFailure);
    };
    try {
      const blob = await this.#blobTurns.run(async () => {
        refuseAborted(signal);
        return await layer.provide(hold, provideSignal, follow);
      });
      const outcome = await followed.outcome;
      // What failed of bytes that were fetched anew after says nothing of the blob.
      if (outcome?.failure && !followed.blob?.lost) throw outcome.failure;
      if (!outcome?.unpacked) {
        await this.#unpackTurns.run(async () => {
          refuseAborted(signal);
          const source = { path: this.#blobs.path(blob.digest), digest: blob.digest, size: blob.size };
          await this.#layers.ensure(diffId, source, unpacking);
        });
      }
      onProgress?.({ stage: "ready", layer: label });
      return blob;
    } catch (thrown) {
      // Nothing is written any more once this has failed.
      await followed.outcome;
      throw hostFailure.signal.aborted && !signal.aborted ? hostFailure.signal.reason : thrown;
    }
  }

  async #follow(
    diffId: string,
    growing: GrowingBlob,
    options: LayerOptions,
    hostFailure: AbortController,
  ): Promise<Followed> {
    this.#following += 1;
    try {
      await this.#layers.ensure(diffId, { path: growing.path, growing }, options);
      return { unpacked: true };
    } catch (thrown) {
      const failure = GranuleError.from(thrown);
      if (failure.errno !== undefined && failure.code !== "CANCELLED") hostFailure.abort(failure);
      return { unpacked: false, failure };
    } finally {
      this.#following -= 1;
    }
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
}

export function cancelled({ reason }: AbortSignal): GranuleError {
  return new GranuleError("CANCELLED", "it was cancelled", { cause: reason });
}

function labelled(onProgress: (progress: LoadProgress) => void, layer: string): (progress: LoadProgress) => void {
  return (progress) => onProgress({ ...progress, layer });
}

/** Tells how far a download is, now and then and at its end. */
function downloadTold(
  { label, totalBytes }: LayerInstall,
  onProgress: LayerInstallOptions["onProgress"],
): (doneBytes: number) => void {
  let toldAt = 0;
  return (doneBytes) => {
    const now = performance.now();
    if (doneBytes !== totalBytes && now - toldAt < PROGRESS_INTERVAL_MS) return;
    toldAt = now;
    onProgress?.({ stage: "download", layer: label, doneBytes, ...(totalBytes === undefined ? {} : { totalBytes }) });
  };
}

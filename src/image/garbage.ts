import type { BlobStore } from "./blobs.js";
import { blobsOf } from "./installer.js";
import type { LayerStore } from "./layers.js";
import type { ImageRecords } from "./records.js";

/** Removes what no image refers to and nobody holds: a pull under way holds what it needs before it is there. */
export class Garbage {
  readonly #blobs: BlobStore;
  readonly #layers: LayerStore;
  readonly #records: ImageRecords;

  constructor(blobs: BlobStore, layers: LayerStore, records: ImageRecords) {
    this.#blobs = blobs;
    this.#layers = layers;
    this.#records = records;
  }

  /** @returns the bytes of files that came free */
  async collect(): Promise<number> {
    const rows = this.#records.all();
    const blobs = new Set(rows.flatMap(blobsOf));
    const layers = new Set(rows.flatMap(({ layers: diffIds }) => JSON.parse(diffIds) as string[]));
    const freedBytes = this.#blobs.remove(this.#blobs.list().filter((digest) => !blobs.has(digest)));
    const doomed = this.#layers.list().filter((diffId) => !layers.has(diffId));
    const sizes = doomed.map((diffId) => ({ diffId, bytes: this.#layers.record(diffId)?.bytes ?? 0 }));
    await this.#layers.remove(doomed);
    const gone = sizes.filter(({ diffId }) => this.#layers.record(diffId) === undefined);
    return gone.reduce((sum, { bytes }) => sum + bytes, freedBytes);
  }
}

import type { Readable } from "node:stream";
import type { PartialFile, Segment } from "./partial-file.js";

/** Bytes collected before they are written, and the longest time for which they wait. */
const BATCH_BYTES = 512 * 1024;
const BATCH_MS = 200;

/** Writes what a body brings to its segment: one batch while the next is collected, and the body waits for no longer. */
export class Batches {
  readonly #file: PartialFile;
  readonly #segment: Segment;
  readonly #body: Readable;
  readonly #onWritten: () => void;
  #batch: Buffer[] = [];
  #bytes = 0;
  #since = performance.now();
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(file: PartialFile, segment: Segment, body: Readable, onWritten: () => void) {
    this.#file = file;
    this.#segment = segment;
    this.#body = body;
    this.#onWritten = onWritten;
  }

  /** Takes what came; where it cannot be written, the body is destroyed with the reason. */
  add(chunk: Buffer): void {
    this.#batch.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < BATCH_BYTES && performance.now() - this.#since < BATCH_MS) return;
    if (this.#writing === undefined) this.#write();
    else if (this.#bytes >= BATCH_BYTES) this.#body.pause();
  }

  /** Waits until all is written. @throws what a write has met */
  async drain(): Promise<void> {
    while (this.#writing !== undefined || (this.#bytes > 0 && this.#failure === undefined)) {
      if (this.#writing === undefined) this.#write();
      await this.#writing;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #write(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    this.#since = performance.now();
    this.#writing = this.#file.append(this.#segment, batch).then(
      () => this.#written(),
      (thrown: unknown) => {
        this.#writing = undefined;
        this.#failure = thrown;
        this.#body.destroy(thrown as Error);
      },
    );
  }

  #written(): void {
    this.#writing = undefined;
    this.#onWritten();
    if (this.#bytes >= BATCH_BYTES) this.#write();
    if (this.#body.isPaused()) this.#body.resume();
  }
}

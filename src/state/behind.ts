/** How long what is written behind may wait: many containers that end soon after another share one write. */
const WITHIN_MS = 20;
const RETRY_MS = 1000;

/**
 * What may be written a moment later, since whoever comes after a crash finds it again elsewhere. All of it is written in
 * one go, in an order that keeps that true at any instant.
 */
export class Behind {
  readonly #write: () => void;
  #waits = false;

  /** @param write throws where the disk takes nothing; what was not written is written by a later call */
  constructor(write: () => void) {
    this.#write = write;
  }

  /** There is something to be written. */
  soon(): void {
    if (!this.#waits) this.#flushIn(WITHIN_MS);
  }

  /** Writes it now. */
  flush(): void {
    this.#write();
  }

  #flushIn(milliseconds: number): void {
    this.#waits = true;
    setTimeout(() => {
      this.#waits = false;
      try {
        this.flush();
      } catch {
        // A full disk: the next write that somebody waits for tells of it.
        this.#flushIn(RETRY_MS);
      }
    }, milliseconds).unref();
  }
}

/** Batches a slow reader may fall behind by; older ones are dropped. */
const maxWaiting = 16;

/** One reader of batches that come by themselves; never holds up whoever puts them in. */
export class Subscription<T> implements AsyncIterable<T> {
  readonly #waiting: T[][] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  readonly #onEnd: (ended: Subscription<T>) => void;

  /** @param onEnd called once, when the reader leaves, `end` is called or the signal aborts */
  constructor(onEnd: (ended: Subscription<T>) => void, signal?: AbortSignal) {
    this.#onEnd = onEnd;
    if (signal?.aborted) this.end();
    else signal?.addEventListener("abort", () => this.end(), { once: true });
  }

  put(batch: T[]): void {
    if (this.#ended || batch.length === 0) return;
    this.#waiting.push(batch);
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    this.#wake?.();
  }

  /** What waits is still read, then the iteration ends. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(this);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const batch = this.#waiting.shift();
        if (batch) yield* batch;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}

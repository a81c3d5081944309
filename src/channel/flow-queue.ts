import type { GranuleError } from "../errors.js";

export interface FlowQueueHooks<T> {
  /** An item was handed to the reader: its credit may go back. */
  consumed(item: T): void;
  /** The reader left before the end. */
  cancelled(): void;
}

/** What has come in and was not read yet, as an async iterator. Bounded by the credit that its sender was given. */
export class FlowQueue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #head = 0;
  #ended = false;
  #failure: GranuleError | undefined;
  #readers: { resolve: (result: IteratorResult<T>) => void; reject: (error: GranuleError) => void }[] = [];
  readonly #hooks: FlowQueueHooks<T>;

  constructor(hooks: FlowQueueHooks<T>) {
    this.#hooks = hooks;
  }

  push(item: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push(item);
      return;
    }
    reader.resolve({ done: false, value: item });
    this.#hooks.consumed(item);
  }

  /** Nothing more will come; what has come is still read. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  /** As `end`, and the reader gets the error once it has read what came before. */
  fail(error: GranuleError): void {
    if (this.#ended) return;
    this.#ended = true;
    const first = this.#readers.shift();
    if (first === undefined) this.#failure = error;
    else first.reject(error);
    this.end();
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      const item = this.#items[this.#head++] as T;
      if (this.#head === this.#items.length) {
        this.#items = [];
        this.#head = 0;
      }
      this.#hooks.consumed(item);
      return { done: false, value: item };
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<T>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  /** Drops what was not read and tells the sender to stop. */
  cancel(): void {
    const live = !this.#ended;
    this.#items = [];
    this.#head = 0;
    this.#failure = undefined;
    this.end();
    if (live) this.#hooks.cancelled();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

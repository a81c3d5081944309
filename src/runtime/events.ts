import { randomBytes } from "node:crypto";
import type { RuntimeEvent } from "../api.js";
import { GranuleError } from "../errors.js";

export interface Cursor {
  epoch: string;
  seq: number;
}

export interface EventReadOptions {
  after?: Cursor;
  signal?: AbortSignal;
}

/** The last events of a runtime, numbered without gaps from 1 within an epoch, which is one opening of the runtime. */
export class EventLog {
  readonly epoch = randomBytes(8).toString("hex");
  readonly #capacity: number;
  readonly #ring: RuntimeEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #lastSeq = 0;
  #closed = false;

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  publish(event: Omit<RuntimeEvent, "epoch" | "seq" | "time">): void {
    const seq = ++this.#lastSeq;
    this.#ring[seq % this.#capacity] = { epoch: this.epoch, seq, time: new Date().toISOString(), ...event };
    this.#wakeAll();
  }

  /**
   * Events after a cursor, or from now on where there is none. A cursor that is too old, of another epoch, or a reader
   * that falls a whole ring behind ends with CURSOR_EXPIRED and the oldest cursor: never a gap.
   */
  read(options: EventReadOptions = {}): AsyncIterable<RuntimeEvent> {
    const from = options.after?.seq ?? this.#lastSeq;
    if (options.after && options.after.epoch !== this.epoch) throw this.#expired();
    if (!Number.isSafeInteger(from) || from < 0 || from > this.#lastSeq) throw this.#expired();
    if (from < this.#oldest() - 1) throw this.#expired();
    return this.#iterate(from, options.signal);
  }

  async *#iterate(from: number, signal: AbortSignal | undefined): AsyncGenerator<RuntimeEvent> {
    for (let seq = from + 1; ; seq++) {
      while (seq > this.#lastSeq) {
        if (this.#closed || signal?.aborted) return;
        await this.#next(signal);
      }
      if (signal?.aborted) return;
      if (seq < this.#oldest()) throw this.#expired();
      yield this.#ring[seq % this.#capacity] as RuntimeEvent;
    }
  }

  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #oldest(): number {
    return Math.max(1, this.#lastSeq - this.#capacity + 1);
  }

  #next(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #expired(): GranuleError {
    return new GranuleError("CURSOR_EXPIRED", "events after this cursor are no longer held", {
      hint: "list the containers again, then subscribe from the oldest cursor",
      details: { epoch: this.epoch, oldest: this.#oldest() - 1, latest: this.#lastSeq },
    });
  }
}

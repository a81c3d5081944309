import { randomUUID } from "node:crypto";
import type { Runtime, Sample } from "../api.js";
import { GranuleError } from "../errors.js";
import type { SamplesItem } from "./items.js";
import type { Cursor } from "./params.js";

// Readings kept for a subscriber that comes back, by their number and by the samples in them.
const KEPT_READINGS = 30;
const KEPT_SAMPLES = 20_000;
// How long they are kept, and go on being made, when nobody is subscribed.
const KEPT_MS = 30_000;

/** One who takes the readings of a hub. */
export interface SampleReader {
  take(item: SamplesItem): void;
  /** The source has ended: with an error, or because the container stopped. */
  end(error?: GranuleError): void;
}

export interface SampleSubscription {
  /** Where it begins. */
  cursor: Cursor;
  leave: () => void;
}

/**
 * The samples of one source, read once for all who subscribe. Each reading is one item, the same object for everybody,
 * so that it is encoded once; the last ones are kept, so that a subscriber that lost its connection misses none.
 */
export class SampleHub {
  readonly epoch = randomUUID();
  #seq = 0;
  #kept: SamplesItem[] = [];
  #keptSamples = 0;
  #ended: { error?: GranuleError } | undefined;
  #expiry: NodeJS.Timeout | undefined;
  readonly #abort = new AbortController();
  readonly #readers = new Set<SampleReader>();
  readonly #onExpired: () => void;

  constructor(source: Pick<Runtime, "samples">, onExpired: () => void) {
    this.#onExpired = onExpired;
    void this.#read(source.samples({ signal: this.#abort.signal }));
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Begins with the next reading, or behind a cursor; gives back where that is, and how to leave.
   * @throws CURSOR_EXPIRED with the oldest cursor, where readings behind it are no longer kept.
   */
  subscribe(reader: SampleReader, after: Cursor | undefined): SampleSubscription {
    const cursor = after ?? { epoch: this.epoch, seq: this.#seq };
    const missed = after === undefined ? [] : this.#after(after);
    clearTimeout(this.#expiry);
    for (const item of missed) reader.take(item);
    if (this.#ended === undefined) this.#readers.add(reader);
    else {
      reader.end(this.#ended.error);
      this.#expireLater();
    }
    const leave = (): void => {
      if (this.#readers.delete(reader) && this.#readers.size === 0) this.#expireLater();
    };
    return { cursor, leave };
  }

  close(): void {
    clearTimeout(this.#expiry);
    this.#abort.abort();
    this.#kept = [];
    this.#onExpired();
  }

  async #read(samples: AsyncIterable<Sample>): Promise<void> {
    let batch: Sample[] = [];
    const flush = (): void => {
      if (batch.length === 0) return;
      const item = { epoch: this.epoch, seq: ++this.#seq, samples: batch };
      batch = [];
      this.#keep(item);
      for (const reader of this.#readers) reader.take(item);
    };
    let error: GranuleError | undefined;
    try {
      for await (const sample of samples) {
        // What one tick has read comes in one turn of the event loop.
        if (batch.push(sample) === 1) setImmediate(flush);
      }
    } catch (thrown) {
      error = GranuleError.from(thrown);
    }
    flush();
    this.#ended = error === undefined ? {} : { error };
    for (const reader of this.#readers) reader.end(error);
    this.#readers.clear();
    this.#expireLater();
  }

  #keep(item: SamplesItem): void {
    this.#kept.push(item);
    this.#keptSamples += item.samples.length;
    while (this.#kept.length > KEPT_READINGS || (this.#keptSamples > KEPT_SAMPLES && this.#kept.length > 1)) {
      this.#keptSamples -= this.#kept.shift()?.samples.length ?? 0;
    }
  }

  #after({ epoch, seq }: Cursor): SamplesItem[] {
    const oldest = this.#seq - this.#kept.length;
    if (epoch === this.epoch && seq >= oldest && seq <= this.#seq) return this.#kept.slice(seq - oldest);
    throw cursorExpired({ epoch: this.epoch, oldest, latest: this.#seq });
  }

  #expireLater(): void {
    if (this.#abort.signal.aborted) return;
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.close(), KEPT_MS);
    this.#expiry.unref();
  }
}

/** The hubs of one runtime: one for all of its containers, and one for each that is subscribed to alone. */
export class SampleHubs {
  readonly #hubs = new Map<string, SampleHub>();

  /** Subscribes at the hub of a key, which is begun where there is none that fits. */
  subscribe(
    key: string,
    source: Pick<Runtime, "samples">,
    reader: SampleReader,
    after: Cursor | undefined,
  ): SampleSubscription {
    const held = this.#hubs.get(key);
    if (held !== undefined && (!held.ended || after?.epoch === held.epoch)) return held.subscribe(reader, after);
    const hub = new SampleHub(source, () => {
      if (this.#hubs.get(key) === hub) this.#hubs.delete(key);
    });
    this.#hubs.set(key, hub);
    return hub.subscribe(reader, after);
  }

  close(): void {
    for (const hub of [...this.#hubs.values()]) hub.close();
  }
}

function cursorExpired(details: { epoch: string; oldest: number; latest: number }): GranuleError {
  return new GranuleError("CURSOR_EXPIRED", "samples after this cursor are no longer held", {
    hint: "subscribe without a cursor; usage records hold what was used meanwhile",
    details,
  });
}

import type { Sample } from "../api.js";
import { type NativeSampler, native, type SamplerTarget } from "../native.js";
import { type CpuPoint, cpuPoint, type RowReader, sampleOf } from "./sample.js";
import { Subscription } from "./subscription.js";

interface Watched {
  id: string;
  key: number;
  point?: CpuPoint;
  last?: Sample;
}

/** Samples of containers by id, each second on the second. */
export class Sampler {
  readonly #native: NativeSampler;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #byKey = new Map<number, Watched>();
  readonly #byId = new Map<string, Watched>();
  /** Readers, each with the container it wants; undefined wants all. */
  readonly #readers = new Map<Subscription<Sample>, string | undefined>();
  readonly #onTick: (samples: Sample[]) => void;
  #nextKey = 1;

  /** @param onTick sees all samples of a second before any reader does */
  constructor(onTick: (samples: Sample[]) => void = () => {}) {
    this.#onTick = onTick;
    this.#columns = new Map(native().samplerColumns.map((name, index) => [name, index]));
    this.#native = native().createSampler((rows) => this.#tick(rows));
  }

  /**
   * Begins to sample a container.
   * @param fresh its cgroup is new, so that its first sample has vCPUs since now
   */
  add(id: string, target: Omit<SamplerTarget, "key">, fresh: boolean): void {
    this.#forget(id);
    const key = this.#nextKey++;
    this.#native.add({ ...target, key });
    const watched: Watched = { id, key };
    if (fresh) watched.point = { seconds: Date.now() / 1000, usageUsec: 0 };
    this.#byKey.set(key, watched);
    this.#byId.set(id, watched);
  }

  /** Ends sampling a container, and the iterations over it alone; gives its last sample. */
  remove(id: string): Sample | undefined {
    const last = this.#forget(id);
    for (const [reader, wanted] of [...this.#readers]) if (wanted === id) reader.end();
    return last;
  }

  #forget(id: string): Sample | undefined {
    const watched = this.#byId.get(id);
    if (!watched) return undefined;
    this.#native.remove(watched.key);
    this.#byKey.delete(watched.key);
    this.#byId.delete(id);
    return watched.last;
  }

  /** The last sample of a container that is being sampled. */
  last(id: string): Sample | undefined {
    return this.#byId.get(id)?.last;
  }

  /** Reads a container now; undefined where it is not sampled or gone. */
  current(id: string): Sample | undefined {
    const watched = this.#byId.get(id);
    return watched && sampleOf(id, this.#reader(this.#native.read(watched.key), 0), watched.point);
  }

  /** Samples from now on, of one container or all. A reader that falls behind loses the oldest, and holds up nobody. */
  subscribe(options: { id?: string; signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    const reader = new Subscription<Sample>((ended) => this.#readers.delete(ended), options.signal);
    if (!options.signal?.aborted) this.#readers.set(reader, options.id);
    return reader;
  }

  /** Ends the thread and every iteration. */
  close(): void {
    this.#native.stop();
    this.#byKey.clear();
    this.#byId.clear();
    for (const reader of [...this.#readers.keys()]) reader.end();
  }

  #tick(rows: Float64Array): void {
    const samples: Sample[] = [];
    for (let offset = 0; offset < rows.length; offset += this.#columns.size) {
      const sample = this.#take(rows, offset);
      if (sample) samples.push(sample);
    }
    this.#onTick(samples);
    for (const [reader, wanted] of this.#readers) {
      reader.put(wanted === undefined ? samples : samples.filter((sample) => sample.id === wanted));
    }
  }

  #reader(rows: Float64Array, offset: number): RowReader {
    return (column) => rows[offset + (this.#columns.get(column) ?? Number.NaN)] ?? Number.NaN;
  }

  #take(rows: Float64Array, offset: number): Sample | undefined {
    const read = this.#reader(rows, offset);
    const watched = this.#byKey.get(read("key"));
    if (!watched) return undefined;
    const sample = sampleOf(watched.id, read, watched.point);
    if (!sample) return undefined;
    watched.point = cpuPoint(read);
    watched.last = sample;
    return sample;
  }
}

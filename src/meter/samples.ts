import type { Sample } from "../api.js";
import { type NativeSampler, native, type SamplerTarget } from "../native.js";
import { type CpuPoint, type SampleColumns, SampleRow, sampleColumns, sampleOf } from "./sample.js";
import { Subscription } from "./subscription.js";

interface Watched {
  id: string;
  key: number;
  /** Its row of the last tick. */
  row?: SampleRow;
  /** What the vCPUs of that row are measured from. */
  before?: CpuPoint;
  /** Its files, which are not open yet. */
  unopened?: Files;
}

type Files = Omit<SamplerTarget, "key"> & {
  openAtMs: number;
  /** Whether the process that the files are found by has not ended. */
  alive: () => boolean;
};

/** How old a container is when its files are opened: many end before, and opening costs as much as a start's spec. */
const openAfterMs = 50;
/** Files of so many containers are opened at a time, so that the loop is held up by no burst of starts. */
const openAtOnce = 16;

/** What a tick read of one container, before anybody asks for a whole sample. */
export interface Reading {
  id: string;
  row: SampleRow;
}

const cpuPoint = (row: SampleRow): CpuPoint => ({ seconds: row.seconds, usageUsec: row.usageUsec });

/**
 * Samples of containers by id, each second on the second. A tick costs a view of its row for each container; samples
 * are made of those that somebody reads.
 */
export class Sampler {
  readonly #native: NativeSampler;
  readonly #columns: SampleColumns;
  readonly #width: number;
  readonly #byKey = new Map<number, Watched>();
  readonly #byId = new Map<string, Watched>();
  /** Readers, each with the container it wants; undefined wants all. */
  readonly #readers = new Map<Subscription<Sample>, string | undefined>();
  readonly #onTick: (readings: Iterable<Reading>) => void;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #unopened = new Set<Watched>();
  #opening: NodeJS.Timeout | undefined;
  #nextKey = 1;

  /**
   * @param onTick sees all that was read in a second before any reader does
   * @param onFailure is told of a running container whose files cannot be opened
   */
  constructor(
    onTick: (readings: Iterable<Reading>) => void = () => {},
    onFailure: (thrown: unknown) => void = (thrown) => {
      throw thrown;
    },
  ) {
    this.#onTick = onTick;
    this.#onFailure = onFailure;
    this.#columns = sampleColumns(native().samplerColumns);
    this.#width = native().samplerColumns.length;
    this.#native = native().createSampler((rows) => this.#tick(rows));
  }

  /**
   * Begins to sample a container.
   * @param fresh its cgroup is new, so that its first sample has vCPUs since now
   * @param alive whether the process of the target has not ended
   */
  add(id: string, target: Omit<SamplerTarget, "key">, fresh: boolean, alive: () => boolean = () => true): void {
    this.#forget(id);
    const key = this.#nextKey++;
    const nowMs = Date.now();
    const watched: Watched = { id, key, unopened: { ...target, alive, openAtMs: nowMs + openAfterMs } };
    if (fresh) watched.before = { seconds: nowMs / 1000, usageUsec: 0 };
    this.#byKey.set(key, watched);
    this.#byId.set(id, watched);
    this.#unopened.add(watched);
    // Whoever is there on the second is read.
    if (!fresh || 1000 - (nowMs % 1000) <= 2 * openAfterMs) this.#open(watched);
    else this.#opening ??= setTimeout(() => this.#openSome(), openAfterMs).unref();
  }

  /** The oldest stand first. */
  #openSome(): void {
    this.#opening = undefined;
    const nowMs = Date.now();
    let left = openAtOnce;
    for (const watched of this.#unopened) {
      const waitMs = (watched.unopened?.openAtMs ?? 0) - nowMs;
      if (waitMs > 0 || left-- === 0) {
        this.#opening = setTimeout(() => this.#openSome(), Math.min(Math.max(waitMs, 0), openAfterMs)).unref();
        return;
      }
      this.#open(watched);
    }
  }

  #open(watched: Watched): void {
    this.#unopened.delete(watched);
    if (!watched.unopened) return;
    const { alive, openAtMs: _, ...target } = watched.unopened;
    delete watched.unopened;
    try {
      this.#native.add({ ...target, key: watched.key });
      // A process that has ended may have left its number to another one, whose network was opened then.
      if (!alive()) this.#native.remove(watched.key);
    } catch (thrown) {
      if (alive()) this.#onFailure(thrown);
    }
  }

  /** Ends sampling a container, and the iterations over it alone; gives its last sample. */
  remove(id: string): Sample | undefined {
    const last = this.last(id);
    this.#forget(id);
    for (const [reader, wanted] of [...this.#readers]) if (wanted === id) reader.end();
    return last;
  }

  #forget(id: string): void {
    const watched = this.#byId.get(id);
    if (!watched) return;
    if (!this.#unopened.delete(watched)) this.#native.remove(watched.key);
    this.#byKey.delete(watched.key);
    this.#byId.delete(id);
  }

  /** The last sample of a container that is being sampled. */
  last(id: string): Sample | undefined {
    const watched = this.#byId.get(id);
    return watched && this.#sample(watched);
  }

  /** Reads a container now; undefined where it is not sampled or gone. */
  current(id: string): Sample | undefined {
    const watched = this.#byId.get(id);
    if (!watched) return undefined;
    this.#open(watched);
    const since = watched.row ? cpuPoint(watched.row) : watched.before;
    return sampleOf(id, new SampleRow(this.#native.read(watched.key), 0, this.#columns), since);
  }

  /** The counters of a container as they are now: those of its network outlive its processes. */
  row(id: string): SampleRow | undefined {
    const watched = this.#byId.get(id);
    if (watched) this.#open(watched);
    return watched && new SampleRow(this.#native.read(watched.key), 0, this.#columns);
  }

  /** Samples from now on, of one container or all. A reader that falls behind loses the oldest, and holds up nobody. */
  subscribe(options: { id?: string; signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    const reader = new Subscription<Sample>((ended) => this.#readers.delete(ended), options.signal);
    if (!options.signal?.aborted) this.#readers.set(reader, options.id);
    return reader;
  }

  /** Ends the thread and every iteration. */
  close(): void {
    clearTimeout(this.#opening);
    this.#unopened.clear();
    this.#native.stop();
    this.#byKey.clear();
    this.#byId.clear();
    for (const reader of [...this.#readers.keys()]) reader.end();
  }

  #tick(rows: Float64Array): void {
    const read: Watched[] = [];
    for (let offset = 0; offset < rows.length; offset += this.#width) {
      const row = new SampleRow(rows, offset, this.#columns);
      const watched = this.#byKey.get(row.at(this.#columns.key));
      // A container that is gone keeps its last row.
      if (!watched || Number.isNaN(row.usageUsec)) continue;
      if (watched.row) watched.before = cpuPoint(watched.row);
      watched.row = row;
      read.push(watched);
    }
    this.#onTick(readings(read));
    if (this.#readers.size > 0) this.#handOut(read);
  }

  /** Gives each reader its samples; those of one container cost that one alone. */
  #handOut(read: readonly Watched[]): void {
    const fresh = new Set(read);
    let all: Sample[] | undefined;
    for (const [reader, wanted] of this.#readers) {
      if (wanted === undefined) {
        all ??= read.flatMap((watched) => this.#sample(watched) ?? []);
        reader.put(all);
        continue;
      }
      const watched = this.#byId.get(wanted);
      const sample = watched && fresh.has(watched) ? this.#sample(watched) : undefined;
      if (sample) reader.put([sample]);
    }
  }

  #sample(watched: Watched): Sample | undefined {
    return watched.row && sampleOf(watched.id, watched.row, watched.before);
  }
}

function* readings(read: readonly Watched[]): Generator<Reading> {
  for (const { id, row } of read) {
    if (row) yield { id, row };
  }
}

import { BlockPool, blockBytes } from "./block-pool.js";
import { mostVarintBytes, unzigzag, VarintReader, writeVarint, zigzag } from "./varint.js";

/** What is kept of each second: a rate or a level. */
export const recentFields = ["vcpus", "memoryBytes", "rxBytes", "txBytes", "readBytes", "writeBytes"] as const;

/** Seconds that are kept. */
export const recentSeconds = 900;

const fields = recentFields.length;

/** vCPUs are kept in millionths, all else in bytes. */
const perVcpu = 1e6;

/** Said of a second that does not follow the one before it, beside a bit for each field that has changed. */
const gapBit = 1 << fields;
const mostSecondBytes = 1 + mostVarintBytes * (fields + 1);

/** What the second that is being put has; one for all, as they come one after the other. */
const now = new Float64Array(fields);

export const recentPool = (): BlockPool => new BlockPool(fields);

/** One second that was measured: its values in the order of `recentFields`, NaN what the host does not have. */
export interface RecentSecond {
  second: number;
  values: readonly number[];
}

/**
 * The last 15 minutes of one container, second by second and exact: a second has the fields that changed, as differences
 * from the one before. That is 1 byte for a container that rests, some 15 for one that changes all of them. A second
 * without a tick is not there, and is not made up.
 */
export class RecentSamples {
  readonly #pool: BlockPool;
  /** From the oldest to the newest, by their first seconds. */
  readonly #blocks: number[] = [];

  constructor(pool: BlockPool = recentPool()) {
    this.#pool = pool;
  }

  put(
    second: number,
    vcpus: number,
    memoryBytes: number,
    rxBytes: number,
    txBytes: number,
    readBytes: number,
    writeBytes: number,
  ): void {
    now[0] = Math.round(vcpus * perVcpu);
    now[1] = memoryBytes;
    now[2] = rxBytes;
    now[3] = txBytes;
    now[4] = readBytes;
    now[5] = writeBytes;
    const block = this.#blockFor(second);
    if (block !== undefined) this.#append(block, second);
  }

  #append(block: number, second: number): void {
    const pool = this.#pool;
    const bytes = pool.bytes(block);
    const before = pool.before(block);
    const start = pool.offset(block);
    const head = start + pool.used(block);
    let flags = 0;
    let at = head + 1;
    const gap = second - pool.lastSecond(block) - 1;
    if (gap > 0) {
      flags |= gapBit;
      at = writeVarint(bytes, at, gap);
    }
    for (let field = 0, place = pool.valuesOffset(block); field < fields; field++, place++) {
      const value = now[field] as number;
      const last = before[place] as number;
      if (value === last || (Number.isNaN(value) && Number.isNaN(last))) continue;
      flags |= 1 << field;
      // 0 is unknown; a value that follows an unknown one stands for itself.
      const coded = Number.isNaN(value) ? 0 : zigzag(Math.round(value) - (Number.isNaN(last) ? 0 : last)) + 1;
      at = writeVarint(bytes, at, coded);
      before[place] = Math.round(value);
    }
    bytes[head] = flags;
    pool.grew(block, second, at - start);
  }

  /** The block that the second goes to; none where it is there already. */
  #blockFor(second: number): number | undefined {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#pool.lastSecond(last) === second && this.#pool.used(last) > 0) return undefined;
    const follows = last !== undefined && this.#pool.lastSecond(last) < second;
    if (follows && this.#pool.used(last) + mostSecondBytes <= blockBytes) return last;
    this.#dropStale(second);
    const next = this.#pool.take(second);
    this.#blocks.push(next);
    return next;
  }

  /** Lets go of what is too old, and of what is yet to come: the clock was set back. */
  #dropStale(second: number): void {
    const stale = (block: number): boolean =>
      this.#pool.lastSecond(block) <= second - recentSeconds || this.#pool.firstSecond(block) >= second;
    let kept = 0;
    for (const block of this.#blocks) {
      if (stale(block)) this.#pool.give(block);
      else this.#blocks[kept++] = block;
    }
    this.#blocks.length = kept;
  }

  /** The seconds of a span that were measured, as they came. */
  *seconds(since: number, until: number): Generator<RecentSecond> {
    const newest = this.#blocks.at(-1);
    if (newest === undefined) return;
    const begin = Math.max(since, this.#pool.lastSecond(newest) - recentSeconds + 1);
    const values = Array<number>(fields).fill(0);
    for (const block of this.#blocks) {
      if (this.#pool.lastSecond(block) < begin || this.#pool.firstSecond(block) > until) continue;
      const end = this.#pool.offset(block) + this.#pool.used(block);
      const bytes = this.#pool.bytes(block);
      const reader = new VarintReader(bytes, this.#pool.offset(block));
      values.fill(0);
      for (let second = this.#pool.firstSecond(block); reader.at < end; second++) {
        const flags = bytes[reader.at++] ?? 0;
        if ((flags & gapBit) !== 0) second += reader.next();
        for (let field = 0; field < fields; field++) {
          if ((flags & (1 << field)) === 0) continue;
          const coded = reader.next();
          const last = values[field] as number;
          values[field] = coded === 0 ? Number.NaN : unzigzag(coded - 1) + (Number.isNaN(last) ? 0 : last);
        }
        if (second < begin || second > until) continue;
        const [vcpus = Number.NaN, ...others] = values;
        yield { second, values: [vcpus / perVcpu, ...others] };
      }
    }
  }

  /** A field of a second, NaN where nobody measured it. */
  at(second: number, field: number): number {
    let found = Number.NaN;
    for (const { values } of this.seconds(second, second)) found = values[field] ?? Number.NaN;
    return found;
  }

  /** Gives its memory back; it is empty then. */
  release(): void {
    for (const block of this.#blocks.splice(0)) this.#pool.give(block);
  }
}

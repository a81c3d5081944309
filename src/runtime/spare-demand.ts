import { totalmem } from "node:os";
import { GranuleError } from "../errors.js";

/** How many spares are kept: `least` always, and up to `most` where bursts were as large. */
export interface SpareRange {
  least: number;
  most: number;
}

/** As many as start at once on a small host; each holds about 1 MiB, most of it the kernel's. */
export const LEAST_SPARES = 4;

/** A burst of more finds so many, on a host that they take but little of the memory of. */
const MOST_SPARES_UNTOLD = 64;
const MEMORY_A_SPARE_BYTES = 32 * 2 ** 20;

/** Far above what any host starts at once. */
const MOST_SPARES = 256;

/** For so long a burst is expected to come again. */
const REMEMBERED_MS = 5 * 60_000;

/** @throws GranuleError INVALID_ARGUMENT */
export function spareRange(option: number | Partial<SpareRange> = {}): SpareRange {
  const affordable = Math.min(MOST_SPARES_UNTOLD, Math.floor(totalmem() / MEMORY_A_SPARE_BYTES));
  const given = typeof option === "number" ? { least: option, most: option } : option;
  const least = given.least ?? Math.min(LEAST_SPARES, given.most ?? LEAST_SPARES);
  const most = given.most ?? Math.max(least, affordable);
  for (const count of [least, most]) {
    if (Number.isInteger(count) && count >= 0 && count <= MOST_SPARES) continue;
    throw new GranuleError("INVALID_ARGUMENT", `spares: not a whole number from 0 to ${MOST_SPARES}: ${count}`);
  }
  if (least > most) throw new GranuleError("INVALID_ARGUMENT", `spares: least is ${least}, more than most, ${most}`);
  return { least, most };
}

interface Burst {
  size: number;
  atMs: number;
}

/** How many spares are worth keeping: as many as the largest burst of the last minutes took, within the range. */
export class SpareDemand {
  readonly #range: SpareRange;
  readonly #nowMs: () => number;
  /** Each smaller than the one before: what came before a larger one is no longer asked for. */
  readonly #bursts: Burst[] = [];
  #wanted = 0;

  constructor(range: SpareRange, nowMs = (): number => performance.now()) {
    this.#range = range;
    this.#nowMs = nowMs;
  }

  get most(): number {
    return this.#range.most;
  }

  /** A start that a spare would do for, whether it found one or not. */
  note(): void {
    this.#wanted++;
  }

  get target(): number {
    this.#forget();
    const wanted = Math.max(this.#wanted, this.#bursts[0]?.size ?? 0);
    return Math.min(Math.max(wanted, this.#range.least), this.#range.most);
  }

  /** All are there: what was wanted up to now was one burst. Tells when the target may change by itself, in ms. */
  settle(): number | undefined {
    const burst = { size: this.#wanted, atMs: this.#nowMs() };
    this.#wanted = 0;
    if (burst.size > this.#range.least) {
      while ((this.#bursts.at(-1)?.size ?? Number.POSITIVE_INFINITY) <= burst.size) this.#bursts.pop();
      this.#bursts.push(burst);
    }
    this.#forget();
    const [largest] = this.#bursts;
    return largest && largest.atMs + REMEMBERED_MS - this.#nowMs();
  }

  #forget(): void {
    const since = this.#nowMs() - REMEMBERED_MS;
    while ((this.#bursts[0]?.atMs ?? Number.POSITIVE_INFINITY) <= since) this.#bursts.shift();
  }
}

import { type Statistic, type Summary, statistics, summarize } from "./summary.js";

/** How one set of values stands to another. */
export interface Ratio {
  /** Of the two statistics. */
  value: number;
  /** What repeated runs would give, 95 times of 100, as far as these values can tell. */
  low: number;
  high: number;
  /** Whether the two differ by more than noise: 1 lies outside, and there were enough values to tell. */
  distinct: boolean;
}

const resamples = 500;
/** Values that a side needs, so that its noise is known at all. */
const fewest = 5;
/** The standard error of a median, of so many values with a normal distribution, in MADs times the root of their number. */
const medianError = 1.4826 * Math.sqrt(Math.PI / 2);
/** Batches that a side needs to be resampled as batches, which keeps the drift of the host inside the noise. */
const fewestBatches = 6;

/** A ratio of statistics of two sets of batches, with its noise by a bootstrap. The same values give the same ratio. */
export function ratioOf(batches: number[][], reference: number[][], statistic: Statistic = "p50"): Ratio {
  const of = statistics[statistic];
  const value = of(batches.flat()) / of(reference.flat());
  const random = generator();
  const ratios: number[] = [];
  for (let i = 0; i < resamples; i++) ratios.push(of(resample(batches, random)) / of(resample(reference, random)));
  ratios.sort((a, b) => a - b);
  const low = Math.min(value, ratios[Math.floor(0.025 * resamples)] ?? value);
  const high = Math.max(value, ratios[Math.ceil(0.975 * resamples) - 1] ?? value);
  const enough = Math.min(batches.flat().length, reference.flat().length) >= fewest;
  const distinct = enough && (low > 1 || high < 1) && beyondDeviations(batches.flat(), reference.flat());
  return { value, low, high, distinct };
}

/**
 * Whether medians differ by more than twice their standard error. A bootstrap alone is sure of too much where values
 * repeat, as those of a coarse clock do.
 */
function beyondDeviations(values: number[], reference: number[]): boolean {
  const [one, other] = [summarize(values), summarize(reference)];
  const variance = ({ mad, count }: Summary): number => (medianError * mad) ** 2 / count;
  return Math.abs(one.p50 - other.p50) > 2 * Math.sqrt(variance(one) + variance(other));
}

function resample(batches: number[][], random: () => number): number[] {
  const draw = <T>(list: readonly T[]): T[] => list.map(() => list[Math.floor(random() * list.length)] as T);
  return batches.length >= fewestBatches ? draw(batches).flat() : draw(batches.flat());
}

/** A linear congruential generator (Knuth's MMIX constants, upper half) with a fixed seed. */
function generator(): () => number {
  let state = 88172645463325252n;
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 32n) / 2 ** 32;
  };
}

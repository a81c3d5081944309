/** The shape of a set of values, in the unit they came in. */
export interface Summary {
  count: number;
  min: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
  /** Median absolute deviation from the median: the spread, which a few outliers do not move. */
  mad: number;
  /** Values farther from the median than five deviations: told, and part of every other figure. */
  outliers: number;
}

export type Statistic = "p50" | "p99";

/** MAD of a normal distribution times this is its standard deviation. */
const normalDeviation = 1.4826;
const outlierDeviations = 5;

/** Nearest-rank percentile of values in ascending order; NaN of none. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN;
}

const ascending = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

export function summarize(values: readonly number[]): Summary {
  const sorted = ascending(values);
  const p50 = percentile(sorted, 0.5);
  const distances = sorted.map((value) => Math.abs(value - p50));
  const mad = percentile(ascending(distances), 0.5);
  const far = outlierDeviations * normalDeviation * mad;
  return {
    count: sorted.length,
    min: percentile(sorted, 0),
    p50,
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
    mad,
    outliers: mad === 0 ? 0 : distances.filter((distance) => distance > far).length,
  };
}

export const statistics: Record<Statistic, (values: readonly number[]) => number> = {
  p50: (values) => percentile(ascending(values), 0.5),
  p99: (values) => percentile(ascending(values), 0.99),
};

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ratioOf } from "../../bench/statistics/ratio.js";
import { summarize } from "../../bench/statistics/summary.js";

const statistics = suite("bench statistics");

/** Batches of ten around a value, with a spread that repeats. */
function batchesAround(centre: number, spread: number, count = 10): number[][] {
  return Array.from({ length: count }, (_, batch) =>
    Array.from({ length: 10 }, (_, index) => centre + spread * Math.sin(batch * 10 + index)),
  );
}

statistics("takes nearest-rank percentiles", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  const { count, min, p50, p90, p99, max } = summarize(hundred);
  assert.equal({ count, min, p50, p90, p99, max }, { count: 100, min: 1, p50: 50, p90: 90, p99: 99, max: 100 });
});

statistics("shows an outlier and keeps it in every figure", () => {
  const values = [9, 10, 10, 11, 12, 8, 10, 9, 11, 500];
  const summary = summarize(values);
  assert.is(summary.outliers, 1);
  assert.is(summary.max, 500);
  assert.is(summary.count, values.length);
  assert.is(summary.mad, 1);
});

statistics("says of no values that it knows nothing", () => {
  const summary = summarize([]);
  assert.is(summary.count, 0);
  assert.ok(Number.isNaN(summary.p50));
});

statistics("tells a ratio that noise cannot explain", () => {
  const ratio = ratioOf(batchesAround(5, 1), batchesAround(10, 1));
  assert.ok(ratio.distinct);
  assert.ok(Math.abs(ratio.value - 0.5) < 0.1, String(ratio.value));
  assert.ok(ratio.low <= ratio.value && ratio.value <= ratio.high);
});

statistics("refuses a ratio where the noise is larger than the difference", () => {
  assert.not(ratioOf(batchesAround(10, 5), batchesAround(10.3, 5)).distinct);
});

statistics("refuses a ratio of fewer values than show their noise", () => {
  assert.not(ratioOf([[1, 1]], [[9, 9]]).distinct);
});

statistics("counts the drift of the host from batch to batch as noise", () => {
  // Within a batch nothing varies; from batch to batch both sides wander over the same range.
  const wander = (levels: number[]) => levels.map((level) => Array.from({ length: 50 }, () => level));
  const one = wander([10, 14, 11, 15, 10, 13, 12, 15]);
  const other = wander([12, 15, 10, 14, 15, 11, 13, 16]);
  assert.not(ratioOf(one, other).distinct);
});

statistics("gives the same ratio for the same values", () => {
  const [one, other] = [batchesAround(5, 2), batchesAround(6, 2)];
  assert.equal(ratioOf(one, other, "p99"), ratioOf(one, other, "p99"));
});

statistics.run();

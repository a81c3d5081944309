import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { GranuleError } from "../../src/errors.js";
import { SpareDemand, spareRange } from "../../src/runtime/spare-demand.js";

const test = suite("how many spares are kept");
const minuteMs = 60_000;

/** A demand with a clock by hand. */
function demandOf(range: { least: number; most: number }) {
  const clock = { ms: 0 };
  const demand = new SpareDemand(range, () => clock.ms);
  const burst = (size: number): number | undefined => {
    for (let left = size; left > 0; left--) demand.note();
    return demand.settle();
  };
  return { clock, demand, burst };
}

test("as many as the largest burst of five minutes took, and no fewer than the least", () => {
  const { clock, demand, burst } = demandOf({ least: 4, most: 64 });
  assert.is(demand.target, 4);
  assert.is(burst(3), undefined);
  assert.is(burst(20), 5 * minuteMs);
  assert.is(demand.target, 20);
  clock.ms = minuteMs;
  assert.is(burst(10), 4 * minuteMs);
  assert.is(demand.target, 20);
  clock.ms = 5 * minuteMs;
  assert.is(demand.target, 10);
  clock.ms = 6 * minuteMs;
  assert.is(demand.target, 4);
});

test("a burst counts while it lasts, and no more are kept than the most", () => {
  const { demand } = demandOf({ least: 4, most: 16 });
  for (let count = 1; count <= 8; count++) demand.note();
  assert.is(demand.target, 8);
  for (let count = 1; count <= 100; count++) demand.note();
  assert.is(demand.target, 16);
});

test("a number is that many; a range is filled in", () => {
  assert.equal(spareRange(0), { least: 0, most: 0 });
  assert.equal(spareRange(9), { least: 9, most: 9 });
  assert.equal(spareRange({ most: 2 }), { least: 2, most: 2 });
  assert.equal(spareRange({ least: 100 }), { least: 100, most: 100 });
  const untold = spareRange();
  assert.is(untold.least, 4);
  assert.ok(untold.most >= 4 && untold.most <= 64, String(untold.most));
});

for (const bad of [-1, 1.5, 257, Number.NaN, { least: -1 }, { most: 257 }, { least: 9, most: 8 }]) {
  test(`${JSON.stringify(bad)} is refused`, () => {
    try {
      spareRange(bad);
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as GranuleError).code, "INVALID_ARGUMENT");
    }
  });
}

test.run();

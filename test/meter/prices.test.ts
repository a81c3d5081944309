import { suite } from "uvu";
import * as assert from "uvu/assert";
import { divideHalfEven, formatDecimal, parseDecimal } from "../../src/meter/decimal.js";
import { costOf, type Prices, readPrices } from "../../src/meter/prices.js";

const GiB = 2n ** 30n;
const sheet = (fields: Parameters<typeof readPrices>[0]): Prices => ({ id: 1, ...readPrices(fields, 0n) });

const test = suite("prices");

test("a cost is the exact sum, rounded once", () => {
  const prices = sheet({ currency: "EUR", perVcpuSecond: "0.0000135", perGibSecond: "0.0000015", perGbEgress: "0.08" });
  const cost = costOf(prices, { cpuMilli: 500n, memoryBytes: GiB / 4n, seconds: 3600n, egressBytes: 1_500_000_000n });
  // 0.5 * 3600 * 0.0000135 + 0.25 * 3600 * 0.0000015 + 1.5 * 0.08
  assert.is(formatDecimal(cost, 9), "0.14565");
});

test("no binary fraction comes near money", () => {
  const tenth = sheet({ currency: "EUR", perVcpuSecond: "0.1" });
  const cost = costOf(tenth, { cpuMilli: 3000n, memoryBytes: undefined, seconds: 1n, egressBytes: 0n });
  assert.is(formatDecimal(cost, 9), "0.3");
  const odd = sheet({ currency: "EUR", perGibSecond: "0.000000000000001" });
  const bytes = costOf(odd, { cpuMilli: undefined, memoryBytes: 1n, seconds: 1n, egressBytes: 0n });
  assert.is(bytes, 0n);
});

test("halves go to the even neighbour", () => {
  assert.equal(
    [5n, 15n, 25n, 26n, 24n].map((value) => divideHalfEven(value, 10n)),
    [0n, 2n, 2n, 3n, 2n],
  );
});

test("steps round an allocation up, and never one that is on a step", () => {
  const prices = sheet({ currency: "EUR", perGibSecond: "1", perVcpuSecond: "1", memoryStepGib: "0.1", vcpuStep: "1" });
  const of = (cpuMilli: bigint, memoryBytes: bigint) =>
    formatDecimal(costOf(prices, { cpuMilli, memoryBytes, seconds: 1n, egressBytes: 0n }), 9);
  assert.is(of(0n, GiB / 4n), "0.3");
  assert.is(of(0n, GiB), "1");
  assert.is(of(0n, GiB + 1n), "1.1");
  assert.is(of(500n, 0n), "1");
  assert.is(of(1000n, 0n), "1");
  assert.is(of(1001n, 0n), "2");
});

test("decimals come back as they went in, and too many digits are refused", () => {
  for (const text of ["0", "1", "0.000000001", "12345.6789"])
    assert.is(formatDecimal(parseDecimal("x", text, 9), 9), text);
  assert.throws(() => parseDecimal("perVcpuSecond", "0.0000000001", 9), /perVcpuSecond has 10 decimals/);
});

test("bad prices are named", () => {
  const refuse = (fields: object, message: RegExp) =>
    assert.throws(() => readPrices(fields as Parameters<typeof readPrices>[0], 0n), message);
  refuse({ currency: "EUR", perVcpuSecond: 0.1 }, /perVcpuSecond is no decimal: 0.1/);
  refuse({ currency: "EUR", perVcpuSecond: "-1" }, /perVcpuSecond is no decimal: "-1"/);
  refuse({ currency: "EUR", perVcpuSecond: "1e3" }, /perVcpuSecond is no decimal/);
  refuse({ currency: "euro" }, /currency is none: "euro"/);
  refuse({ currency: "EUR", perHour: "1" }, /no such price: perHour/);
  refuse({ currency: "EUR", validFrom: "tomorrow" }, /validFrom is no time: "tomorrow"/);
  refuse({ currency: "EUR", minimumSeconds: 1.5 }, /minimumSeconds is no whole number/);
});

test.run();

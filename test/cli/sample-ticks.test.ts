import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "../../src/api.js";
import { sampleTicks } from "../../src/cli/sample-ticks.js";

const test = suite("samples by tick");

function sample(id: string, usageUsec: number): Sample {
  return { id, time: "2026-11-23T00:00:00.000Z", cpu: { usageUsec } };
}

async function* twoTicks(): AsyncGenerator<Sample> {
  yield sample("a", 1);
  yield sample("b", 1);
  await new Promise((resolve) => setTimeout(resolve, 150));
  yield sample("a", 2);
  yield sample("b", 2);
}

async function* failing(): AsyncGenerator<Sample> {
  yield sample("a", 1);
  throw new Error("gone");
}

test("samples that come together are one tick, and the last tick is not lost", async () => {
  const ticks: string[][] = [];
  for await (const tick of sampleTicks(twoTicks())) {
    ticks.push([...tick.values()].map(({ id, cpu }) => `${id}${cpu.usageUsec}`));
  }
  assert.equal(ticks, [
    ["a1", "b1"],
    ["a2", "b2"],
  ]);
});

test("a failure of the source is the reader's", async () => {
  let message = "";
  try {
    for await (const tick of sampleTicks(failing())) assert.is(tick.size, 1);
  } catch (thrown) {
    message = (thrown as Error).message;
  }
  assert.is(message, "gone");
});

test.run();

import { setTimeout } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LEAST_SPARES } from "../../src/runtime/spare-demand.js";
import { Fixture } from "./fixture.js";
import { hostState } from "./host-state.js";

const many = suite("many containers");
let fixture: Fixture;

many.before(async () => {
  fixture = await Fixture.open({ spares: LEAST_SPARES });
});
many.after(() => (fixture as Fixture | undefined)?.close());

async function runOnce(script: string): Promise<number | undefined> {
  const container = await fixture.run(script);
  const { code } = await container.wait();
  await container.remove();
  return code;
}

/** Settles when the monitors of ended containers have left, and the spares that were taken are made again. */
async function settled(): Promise<void> {
  const deadline = performance.now() + 5000;
  // Neither the last monitor's leaving nor the last spare's making is told to anybody.
  for (let before = "", calm = 0; calm < 3 && performance.now() < deadline; await setTimeout(10)) {
    const now = hostState(fixture.root);
    const text = JSON.stringify(now);
    calm = text === before && now.monitors === LEAST_SPARES && now.processes === LEAST_SPARES ? calm + 1 : 0;
    before = text;
  }
}

many("200 started 8 at a time tell 200 right exit codes and leave nothing", async () => {
  await Promise.all(Array.from({ length: 8 }, () => runOnce("true")));
  await settled();
  const before = hostState(fixture.root);
  const codes: (number | undefined)[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < 200; index = next++) codes[index] = await runOnce(`exit ${index}`);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  assert.equal(
    codes,
    Array.from({ length: 200 }, (_, index) => index),
  );
  await settled();
  assert.equal(hostState(fixture.root), before);
  assert.equal(await fixture.runtime.containers.list({ all: true }), []);
});

many("1000 one after the other leak nothing, and memory stays flat", async () => {
  for (let count = 0; count < 300; count++) await runOnce("exit 0");
  await settled();
  const before = hostState(fixture.root);
  const rssBefore = process.memoryUsage().rss;
  for (let count = 0; count < 700; count++) await runOnce("exit 0");
  await settled();
  assert.equal(hostState(fixture.root), before);
  const grownMiB = (process.memoryUsage().rss - rssBefore) / 2 ** 20;
  // AddressSanitizer keeps what was freed for a while.
  if (process.env["GRANULE_ADDON"] === undefined) assert.ok(grownMiB < 24, `node grew by ${grownMiB.toFixed(1)} MiB`);
});

many("those that never started leave nothing either", async () => {
  const attempt = (): Promise<unknown> =>
    fixture.runtime.containers.run({ image: "busybox", command: ["nope"] }).catch((thrown: unknown) => thrown);
  await attempt();
  await settled();
  const before = hostState(fixture.root);
  for (let count = 0; count < 50; count++) await attempt();
  await settled();
  assert.equal(hostState(fixture.root), before);
});

many.run();

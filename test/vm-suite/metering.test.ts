import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Fixture } from "../runtime/fixture.js";
import { burns, holds } from "../runtime/known-work.js";
import { shortLives } from "../runtime/short-lives.js";

const MiB = 2 ** 20;
/** More where a longer run is asked for. */
const count = Number(process.env["GRANULE_TEST_LIVES"] ?? "40");

const test = suite("metering on cgroup v2");
let fixture: Fixture;
test.before(async () => {
  fixture = await Fixture.open();
});
test.after(() => (fixture as Fixture | undefined)?.close());

test("what is burnt is recorded within a hundredth, and what is allocated to the second", async () => {
  await burns(fixture, 3);
});

test("what is held is recorded within two hundredths", async () => {
  await holds(fixture, 64 * MiB, 6000);
});

test("disk and network are counted", async () => {
  const one = await fixture.run("true");
  await one.wait();
  const [record] = await fixture.runtime.usage.query({ id: one.id });
  assert.type(record?.ioReadBytes, "number");
  assert.is(record?.networkRxBytes, 0);
});

test("the records of many short lives sum up to what the kernel counted", async () => {
  const { recorded, counted } = await shortLives(fixture, count);
  const text = `${count} lives: recorded ${recorded} us, counted ${counted} us, ratio ${(recorded / counted).toFixed(4)}`;
  process.stdout.write(`${text}\n`);
  assert.ok(Math.abs(recorded / counted - 1) <= 0.01, text);
});

test.run();

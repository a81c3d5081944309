import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, UsageRecord } from "../../src/api.js";
import { GranuleError } from "../../src/errors.js";
import { Fixture } from "./fixture.js";
import { burns, holds } from "./known-work.js";
import { shortLives } from "./short-lives.js";

const MiB = 2 ** 20;
const usage = suite("usage of real containers");
let fixture: Fixture;

usage.before(async () => {
  fixture = await Fixture.open();
});
usage.after(() => (fixture as Fixture | undefined)?.close());

async function recordsOf(container: Container): Promise<UsageRecord[]> {
  await container.wait();
  return fixture.runtime.usage.query({ id: container.id });
}

usage("what is burnt is recorded within a hundredth, and what is allocated to the second", async () => {
  await burns(fixture, 1.5);
});

usage("what is held is recorded within two hundredths", async () => {
  await holds(fixture, 120 * MiB, 4000);
});

usage("a container that lives for a moment has a true record from its last counters", async () => {
  const one = await fixture.run(
    "head -c 8388608 /dev/zero > /mem/x; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done",
    {
      cpus: 1,
      memory: 64 * MiB,
      mounts: [{ type: "tmpfs", target: "/mem" }],
    },
  );
  const [record, ...others] = await recordsOf(one);
  assert.is(others.length, 0);
  assert.ok(record);
  const lived = Date.parse(record.endedAt ?? "") - Date.parse(record.startedAt);
  assert.ok((record.cpuUsedSeconds ?? 0) > 0.005, `${record.cpuUsedSeconds} s`);
  assert.ok((record.cpuUsedSeconds ?? 0) * 1000 < lived + 50);
  assert.ok((record.memoryPeakBytes ?? 0) > 8 * MiB, `${record.memoryPeakBytes}`);
  assert.is(record.networkRxBytes, 0);
  assert.is(record.seconds, Math.ceil(lived / 1000));
});

usage("the records of many short lives sum up to what the kernel counted", async () => {
  const count = Number(process.env["GRANULE_TEST_LIVES"] ?? "200");
  const { recorded, counted } = await shortLives(fixture, count);
  const text = `${count} lives: recorded ${recorded} us, counted ${counted} us, ratio ${(recorded / counted).toFixed(4)}`;
  process.stdout.write(`${text}\n`);
  assert.ok(Math.abs(recorded / counted - 1) <= 0.01, text);
});

usage("an end by the OOM killer is told", async () => {
  const one = await fixture.run("x=a; while :; do x=$x$x; done", { memory: 16 * MiB });
  const [record] = await recordsOf(one);
  assert.is(record?.endReason, "oom");
});

usage("the budget of a tag stops its containers, and lets no further one start", async () => {
  await fixture.runtime.usage.setBudget({ tag: "team", value: "spent", maxSeconds: 1 });
  const one = await fixture.run("exec sleep 100", { tags: { team: "spent" }, stopTimeoutSeconds: 0 });
  const other = await fixture.run("exec sleep 100", { tags: { team: "else" } });
  const exit = await one.wait();
  assert.is(exit.reason, "budget of team=spent: maxSeconds 1");
  const refused = await fixture.run("true", { tags: { team: "spent" } }).catch((thrown: unknown) => thrown);
  assert.instance(refused, GranuleError);
  assert.is((refused as GranuleError).code, "FAILED_PRECONDITION");
  assert.is((await other.inspect()).state, "running");
  await other.remove({ force: true });
  const [budget] = await fixture.runtime.usage.budgets();
  assert.ok((budget?.used?.seconds ?? 0) >= 1);
  assert.equal(await fixture.runtime.usage.setBudget({ tag: "team", value: "spent" }), []);
  const free = await fixture.run("true", { tags: { team: "spent" } });
  await free.wait();
});

usage("budgets that mean nothing are named", async () => {
  const refuse = async (budget: object, message: RegExp) => {
    const thrown = await fixture.create("true", { budget }).catch((error: unknown) => error);
    assert.match((thrown as GranuleError).message, message);
  };
  await refuse({ maxSeconds: 0 }, /budget\.maxSeconds/);
  await refuse({ maxCost: "much" }, /maxCost needs prices|budget\.maxCost is no decimal/);
  await refuse({ deadline: "soon" }, /budget\.deadline is no time: "soon"/);
  await refuse({ deadline: "2001-01-01T00:00:00Z" }, /budget is used up: deadline 2001/);
});

usage("the metrics are Prometheus text, with a series for each running container", async () => {
  const one = await fixture.run("exec sleep 100", { cpus: 0.5, memory: 64 * MiB });
  for await (const _ of one.samples()) break;
  const text = await fixture.runtime.usage.metrics();
  const label = `\\{id="${one.id.slice(0, 12)}",name="[^"]+",image="busybox"\\}`;
  assert.match(text, new RegExp(`^granule_container_cpu_seconds_total${label} 0\\.\\d+$`, "m"));
  assert.match(text, new RegExp(`^granule_container_allocated_vcpus${label} 0\\.5$`, "m"));
  assert.match(text, /^granule_sampler_ticks_total \d+$/m);
  assert.match(text, /^# TYPE granule_container_cpu_seconds_total counter$/m);
  await one.remove({ force: true });
  assert.not.match(await fixture.runtime.usage.metrics(), new RegExp(label));
});

usage("curves have a point a second of the last minutes, and none that nobody measured", async () => {
  const one = await fixture.run("exec sleep 100", { cpus: 0.5, memory: 64 * MiB });
  let count = 0;
  for await (const _ of one.samples()) if (++count === 3) break;
  const since = new Date(Date.now() - 60_000).toISOString();
  const [curve] = await fixture.runtime.usage.curves({ id: one.id, since });
  assert.is(curve?.stepSeconds, 1);
  assert.ok((curve?.times.length ?? 0) >= 3);
  assert.ok(curve?.memory.some((bytes) => bytes !== null && bytes > 0));
  await one.remove({ force: true });
});

usage.run();

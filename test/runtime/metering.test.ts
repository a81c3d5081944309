import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "../../src/api.js";
import { Fixture } from "./fixture.js";

const MiB = 1024 * 1024;
const metering = suite("metering");
let fixture: Fixture;

metering.before(async () => {
  fixture = await Fixture.open();
});
metering.after(() => (fixture as Fixture | undefined)?.close());

metering("samples a running container each second, and ends with it", async () => {
  const one = await fixture.run("while :; do :; done", { cpus: 0.3, memory: 64 * MiB, pids: 30 });
  const samples: Sample[] = [];
  for await (const sample of one.samples()) {
    samples.push(sample);
    if (samples.length === 3) await one.kill("SIGKILL");
  }
  const [, second, third] = samples;
  assert.ok(second && third);
  assert.is(second.id, one.id);
  // Neighbours on a busy host may leave it less than its limit, never more.
  assert.ok(third.cpu.vcpus && third.cpu.vcpus > 0 && third.cpu.vcpus < 0.4, `${third.cpu.vcpus} vCPUs`);
  assert.type(third.cpu.throttledUsec, "number");
  assert.ok((third.memory?.currentBytes ?? 0) > 0 && (third.memory?.currentBytes ?? 0) < 64 * MiB);
  assert.is(third.pids?.current, 1);
  assert.equal(third.network, { rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 });
  const apart = Date.parse(third.time) - Date.parse(second.time);
  assert.ok(Math.abs(apart - 1000) < 500, `${apart} ms apart`);
  await one.wait();
  await one.remove();
});

metering("bills a run in whole seconds, cut where it is resized", async () => {
  const one = await fixture.run("read x", { cpus: 0.5, memory: 64 * MiB, stdin: true, tags: { team: "bill" } });
  await one.update({ cpus: 1 });
  await one.stop({ timeoutSeconds: 0 });
  const records = await fixture.runtime.usage.query({ tags: { team: "bill" } });
  assert.equal(
    records.map(({ cpus }) => cpus),
    [0.5, 1],
  );
  const exit = await one.wait();
  const ran = Math.ceil((Date.parse(exit.finishedAt ?? "") - Date.parse(exit.startedAt ?? "")) / 1000);
  assert.is(
    records.reduce((sum, { seconds }) => sum + seconds, 0),
    ran,
  );
  assert.ok(records.every(({ endedAt, id }) => endedAt !== undefined && id === one.id));
  assert.is(records[0]?.startedAt, exit.startedAt);
  assert.is(records[1]?.endedAt, exit.finishedAt);
  assert.ok((records[1]?.cpuUsedSeconds ?? 0) > 0);
  await one.remove();
});

metering("goes on with the record of a container that outlives its owner", async () => {
  const one = await fixture.run("exec sleep 100", { cpus: 0.5, tags: { team: "owner" } });
  await fixture.reopen();
  const query = () => fixture.runtime.usage.query({ tags: { team: "owner" } });
  assert.equal(
    (await query()).map(({ endedAt }) => endedAt),
    [undefined],
  );
  const again = await fixture.runtime.containers.get(one.id);
  await again.kill("SIGKILL");
  await again.wait();
  const records = await query();
  assert.is(records.length, 1);
  assert.ok(records[0]?.endedAt && records[0].seconds > 0);
  await again.remove();
});

metering.run();

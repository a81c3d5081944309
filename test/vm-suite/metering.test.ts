import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Fixture } from "../runtime/fixture.js";
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

test("what is burnt, held, read and written is recorded", async () => {
  const held = 100 * MiB;
  const one = await fixture.run(
    `head -c ${held} /dev/zero > /mem/held
     while :; do
       i=0; while [ $i -lt 500 ]; do i=$((i+1)); done
       read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ < /proc/1/stat
       [ $((user + system)) -ge 500 ] && exit 0
     done`,
    { cpus: 1, memory: 256 * MiB, mounts: [{ type: "tmpfs", target: "/mem", sizeBytes: 200 * MiB }] },
  );
  await one.wait();
  const [record] = await fixture.runtime.usage.query({ id: one.id });
  assert.ok(record?.cpuUsedSeconds && record.memoryPeakBytes);
  // /proc counts in hundredths of a second, and head is a process of its own.
  assert.ok(record.cpuUsedSeconds > 4.95, `${record.cpuUsedSeconds} s`);
  assert.ok(Math.abs(record.memoryPeakBytes / held - 1) < 0.02, `${record.memoryPeakBytes / MiB} MiB`);
  assert.type(record.ioReadBytes, "number");
  assert.is(record.networkRxBytes, 0);
});

test("the records of many short lives sum up to what the kernel counted", async () => {
  const { recorded, counted } = await shortLives(fixture, count);
  process.stdout.write(`${count} lives: recorded ${recorded} us, counted ${counted} us\n`);
  assert.ok(
    Math.abs(recorded / counted - 1) < (count < 200 ? 0.05 : 0.01),
    `recorded ${recorded} us, counted ${counted} us`,
  );
});

test.run();

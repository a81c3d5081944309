import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SampleRow, sampleColumns, sampleOf } from "../../src/meter/sample.js";
import { native } from "../../src/native.js";

const names = native().samplerColumns;
const columns = sampleColumns(names);

/** A row as native code hands it over, second in its buffer; what is not named is absent. */
function row(values: Record<string, number>): SampleRow {
  const rows = new Float64Array(2 * names.length).fill(Number.NaN);
  for (const [name, value] of Object.entries(values)) rows[names.length + names.indexOf(name)] = value;
  return new SampleRow(rows, names.length, columns);
}

/** Each column its own number. */
const whole = Object.fromEntries(names.map((name, index) => [name, index + 1]));
const stamp = { timeSec: 1_700_000_000, timeNsec: 5 };

const test = suite("sample");

test("every column has its field", () => {
  const value = (name: string) => names.indexOf(name) + 1;
  const pressure = (of: string) => ({
    someAvg10: value(`${of}SomeAvg10`),
    someTotalUsec: value(`${of}SomeTotalUsec`),
    fullAvg10: value(`${of}FullAvg10`),
    fullTotalUsec: value(`${of}FullTotalUsec`),
  });
  assert.equal(sampleOf("a", row({ ...whole, ...stamp, memoryCurrent: 1000 }), undefined), {
    id: "a",
    time: "2023-11-14T22:13:20.000000005Z",
    cpu: {
      usageUsec: value("usageUsec"),
      userUsec: value("userUsec"),
      systemUsec: value("systemUsec"),
      throttledUsec: value("throttledUsec"),
    },
    memory: {
      currentBytes: 1000,
      peakBytes: value("memoryPeak"),
      anonBytes: value("memoryAnon"),
      fileBytes: value("memoryFile"),
      workingSetBytes: 1000 - value("memoryInactiveFile"),
      oomKills: value("oomKills"),
    },
    pids: { current: value("pids") },
    io: {
      readBytes: value("ioReadBytes"),
      writeBytes: value("ioWriteBytes"),
      reads: value("ioReads"),
      writes: value("ioWrites"),
    },
    network: {
      rxBytes: value("netRxBytes"),
      txBytes: value("netTxBytes"),
      rxPackets: value("netRxPackets"),
      txPackets: value("netTxPackets"),
    },
    pressure: { cpu: pressure("cpu"), memory: pressure("memory"), io: pressure("io") },
  });
});

test("what the host lacks is absent", () => {
  const sample = sampleOf(
    "a",
    row({ ...stamp, usageUsec: 7, memoryCurrent: 9, memorySomeAvg10: 0, memorySomeTotalUsec: 3 }),
    undefined,
  );
  assert.equal(sample, {
    id: "a",
    time: "2023-11-14T22:13:20.000000005Z",
    cpu: { usageUsec: 7 },
    memory: { currentBytes: 9 },
    pressure: { memory: { someAvg10: 0, someTotalUsec: 3 } },
  });
});

test("vCPUs are the use over the interval, and never less than none", () => {
  const vcpus = (usageUsec: number, last: { seconds: number; usageUsec: number }) =>
    sampleOf("a", row({ timeSec: 12, timeNsec: 0, usageUsec }), last)?.cpu.vcpus;
  assert.is(vcpus(3_000_000, { seconds: 10, usageUsec: 1_000_000 }), 1);
  assert.is(vcpus(0, { seconds: 10, usageUsec: 1_000_000 }), 0);
  assert.is(vcpus(3_000_000, { seconds: 12, usageUsec: 0 }), undefined, "no interval");
});

test("a container that is gone has no sample", () => {
  assert.is(sampleOf("a", row(stamp), undefined), undefined);
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { emptyHour, minuteFields, packHour, setMinute, unpackHour } from "../../src/meter/minutes.js";
import { RecentSamples, recentPool } from "../../src/meter/recent.js";
import { type Counters, Tally } from "../../src/meter/tally.js";
import { TickLog } from "../../src/meter/tick-log.js";

const MiB = 2 ** 20;
const reading = (more: Partial<Counters>): Counters => ({
  usageUsec: 0,
  memoryBytes: 10 * MiB,
  memoryPeakBytes: 12 * MiB,
  rxBytes: Number.NaN,
  txBytes: Number.NaN,
  readBytes: Number.NaN,
  writeBytes: Number.NaN,
  ...more,
});
const moment = (seconds: number) => ({ wallNs: BigInt(seconds * 1e9), bootNs: BigInt(seconds * 1e9) });

const test = suite("tally");

test("packed hours come back to what a curve needs, small and large", () => {
  const hour = emptyHour();
  for (let minute = 0; minute < 60; minute++) {
    const noise = ((minute * 2_654_435_761) % 2 ** 10) * 10_000 * 65_536;
    setMinute(hour, minute, [60, noise, minute % 7, noise, 2 ** 40 - noise, 0, noise, 0, 2 ** 45 + minute * 65_536]);
  }
  assert.equal(unpackHour(packHour(hour)), hour);
  assert.ok(packHour(emptyHour()).length < 20);
});

test("an hour of a busy container takes less than a kilobyte", () => {
  const hour = emptyHour();
  let random = 12345;
  const next = () => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return random / 2 ** 31;
  };
  for (let minute = 0; minute < 60; minute++) {
    const memory = Math.round((200 + 20 * next()) * MiB);
    setMinute(
      hour,
      minute,
      [
        60,
        next() * 30e6,
        500 + next() * 500,
        memory,
        memory + next() * MiB,
        next() * 1e5,
        next() * 1e5,
        0,
        next() * 1e6,
      ].map(Math.round),
    );
  }
  assert.is(minuteFields.length, 9);
  const bytes = packHour(hour).length;
  assert.ok(bytes < 850, `${bytes} bytes`);
});

test("a reading of a process that is ending says nothing of the second before", () => {
  for (const endsAt of [1002.95, 1003.04]) {
    const tally = new Tally({}, 1000);
    for (const second of [1, 2]) tally.take(reading({}), 6000 + second, moment(1000 + second));
    tally.take(reading({ memoryBytes: 0 }), 6003, moment(1003));
    assert.is(Math.round(tally.usedUntil(endsAt).memoryByteSeconds ?? 0), Math.round((endsAt - 1000) * 10 * MiB));
  }
});

test("sums and rates come from what was read, memory over time from the gaps between", () => {
  const tally = new Tally({}, 1000);
  for (let second = 1; second <= 90; second++) {
    tally.take(reading({ usageUsec: second * 500_000 }), 6000 + second, moment(1000 + second));
  }
  assert.is(tally.used.cpuUsec, 45_000_000);
  assert.is(tally.used.memoryByteSeconds, 90 * 10 * MiB);
  assert.is(tally.usedUntil(1090.5).memoryByteSeconds, 90.5 * 10 * MiB);
  assert.is(tally.usedUntil(1200).memoryByteSeconds, 90 * 10 * MiB, "a gap is not made up");
  assert.is(tally.recent.at(6050, 0), 0.5);
  const [row] = tally.takeHours(true);
  assert.equal(row?.slice(0, 3), [1, 90, 44_500_000]);
  const hour = unpackHour(row?.at(-1) as Buffer);
  assert.is(hour.at(40 * 9), 59);
});

test("what a run did before its owner saw it is no traffic of the second in which it is seen again", () => {
  const counted = { rxBytes: 5000, txBytes: 100, readBytes: 7, writeBytes: 8 };
  const fresh = new Tally({}, 1000);
  fresh.take(reading(counted), 6001, moment(1001));
  assert.is(fresh.recent.at(6001, 2), 5000);
  const goesOn = new Tally({ cpuUsec: 1, rxBytes: 4000, txBytes: 100 }, 1000);
  goesOn.take(reading(counted), 6001, moment(1001));
  assert.is(goesOn.recent.at(6001, 2), 1000);
  assert.is(goesOn.recent.at(6001, 3), 0);
  assert.is(goesOn.used.rxBytes, 5000);
});

test("a second is kept exactly, small and large, and what is not counted is not 0", () => {
  const recent = new RecentSamples();
  const kept = [0, 1, 2047, 2048, 4095, 123_456_789, 0, 9.87e11, 2 ** 50 + 1, 3];
  for (const [second, bytes] of kept.entries()) recent.put(second, bytes % 7, bytes, bytes, Number.NaN, 0, bytes);
  for (const [second, bytes] of kept.entries()) {
    const values = [0, 1, 2, 3, 4, 5].map((field) => recent.at(second, field));
    assert.equal(values, [bytes % 7, bytes, bytes, Number.NaN, 0, bytes]);
  }
  recent.put(kept.length, Number.NaN, Number.NaN, 1, 2, 3, 4);
  recent.put(kept.length + 1, 0.25, 10 * MiB, 1, 2, 3, 4);
  assert.ok(Number.isNaN(recent.at(kept.length, 1)));
  assert.equal([recent.at(kept.length + 1, 0), recent.at(kept.length + 1, 1)], [0.25, 10 * MiB]);
});

test("15 minutes of a busy container are read back as they were, a clock that is set back loses what comes after", () => {
  const recent = new RecentSamples();
  const noise = (second: number, below: number): number => ((second * 2_654_435_761) % 2 ** 32) % below;
  const begin = 1_800_000_000;
  for (let second = begin; second < begin + 2000; second++) {
    recent.put(second, noise(second, 1e6) / 1e6, noise(second, 2 ** 31), noise(second, 1e5), 0, second % 5, 1);
  }
  const seconds = [...recent.seconds(0, Number.POSITIVE_INFINITY)];
  assert.equal(
    seconds.map(({ second }) => second),
    Array.from({ length: 900 }, (_, index) => begin + 1100 + index),
  );
  for (const { second, values } of seconds) {
    assert.equal(values, [noise(second, 1e6) / 1e6, noise(second, 2 ** 31), noise(second, 1e5), 0, second % 5, 1]);
  }
  recent.put(begin + 1500, 1, 2, 3, 4, 5, 6);
  const left = [...recent.seconds(begin + 1400, Number.POSITIVE_INFINITY)].map(({ second }) => second);
  assert.is(left.at(-1), begin + 1500);
});

test("memory of seconds goes from those that end to those that begin", () => {
  const pool = recentPool();
  const live = (): RecentSamples => {
    const recent = new RecentSamples(pool);
    for (let second = 0; second < 300; second++) recent.put(second, second, second * 4096, second ** 3, 0, 0, 0);
    return recent;
  };
  live().release();
  const { made } = pool;
  assert.ok(made > 1);
  for (let count = 0; count < 100; count++) live().release();
  assert.equal([pool.made, pool.taken], [made, 0]);
});

test("a second without a tick is missing, and is told", () => {
  const recent = new RecentSamples();
  recent.put(100, 1, 2, 3, 4, 5, 6);
  recent.put(102, 1, 2, 3, 4, 5, 6);
  assert.ok(Number.isNaN(recent.at(101, 0)));
  recent.put(100 + 900, 7, 7, 7, 7, 7, 7);
  assert.is(recent.at(102, 5), 6, "15 minutes are kept");
  recent.put(100 + 1100, 7, 7, 7, 7, 7, 7);
  assert.ok(Number.isNaN(recent.at(100, 0)), "and no more");

  const log = new TickLog();
  log.note(1000.0004, 50.0004);
  log.note(1001.002, 51.002);
  assert.is(log.missed, 0);
  log.note(1005.001, 55.001);
  assert.is(log.missed, 3);
  // The clock was set back an hour: no second is missing.
  log.note(1006.001 - 3600, 56.001);
  assert.is(log.missed, 3);
  assert.ok(Math.abs(log.maxJitterMs - 2) < 0.01, `${log.maxJitterMs}`);
});

test.run();

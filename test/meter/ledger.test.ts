import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Allocation, Ledger } from "../../src/meter/ledger.js";
import type { Moment } from "../../src/meter/segments.js";
import { type Database, openDatabase } from "../../src/state/database.js";

const GiB = 2 ** 30;
const second = 1_000_000_000n;
/** Wall time begins at a round second, boot time at another number, so that neither is taken for the other. */
const at = (seconds: number, clockStep = 0): Moment => ({
  wallNs: 1_800_000_000n * second + BigInt(Math.round((seconds + clockStep) * 1e9)),
  bootNs: 5000n * second + BigInt(Math.round(seconds * 1e9)),
});
const half: Allocation = { id: "a", name: "web", image: "app:1", tags: { team: "x" }, cpus: 0.5, memoryBytes: GiB / 4 };

let folder: string;
let database: Database;
let now = 0;
const ledger = () => new Ledger(database, "boot-1", () => at(now).bootNs);

const test = suite("ledger");

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-ledger-"));
  database = openDatabase(join(folder, "granule.db")).database;
});
test.after.each(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

test("a run is billed in whole seconds, rounded up once at its end", () => {
  const book = ledger();
  book.open(half, at(0.001));
  book.close(half, { started: at(0), ended: at(4.2) }, { cpuUsec: 1_250_000, memoryByteSeconds: GiB / 2 });
  assert.equal(book.query(), [
    {
      id: "a",
      name: "web",
      image: "app:1",
      tags: { team: "x" },
      startedAt: "2027-01-15T08:00:00.000000000Z",
      seconds: 5,
      endedAt: "2027-01-15T08:00:04.200000000Z",
      cpus: 0.5,
      vcpuSeconds: 2.5,
      memoryBytes: GiB / 4,
      gibSeconds: 1.25,
      cpuUsedSeconds: 1.25,
      memoryUsedGibSeconds: 0.5,
    },
  ]);
});

test("a run of exactly five seconds is five, not six", () => {
  const book = ledger();
  book.open(half, at(0.0007));
  book.close(half, { started: at(0), ended: at(5) }, {});
  assert.is(book.query()[0]?.seconds, 5);
});

test("a resize cuts the run, and its records sum up to the run", () => {
  const book = ledger();
  const full = { ...half, cpus: 1 };
  book.open(half, at(0));
  book.cut(full, at(2.6), { cpuUsec: 1_000_000, memoryByteSeconds: 10 });
  book.cut(full, at(3), { cpuUsec: 1_100_000 });
  book.close(full, { started: at(0), ended: at(6.1) }, { cpuUsec: 3_000_000, memoryByteSeconds: 5 });
  const records = book.query();
  assert.equal(
    records.map(({ seconds }) => seconds),
    [2, 5],
  );
  assert.equal(
    records.map(({ vcpuSeconds }) => vcpuSeconds),
    [1, 5],
  );
  assert.equal(
    records.map(({ cpuUsedSeconds }) => cpuUsedSeconds),
    [1, 2],
  );
});

test("closing again, by this owner or the next, bills once", () => {
  const end = { started: at(0), ended: at(3) };
  const book = ledger();
  book.open(half, at(0));
  book.close(half, end, { cpuUsec: 10 });
  book.close(half, end, { cpuUsec: 10 });
  ledger().close(half, end, {});
  assert.is(book.query().length, 1);
  assert.is(book.query()[0]?.cpuUsedSeconds, 0.00001);
});

test("opening again does not begin a second run, and a restart does", () => {
  const book = ledger();
  book.open(half, at(0));
  ledger().open(half, at(1));
  book.close(half, { started: at(0), ended: at(1.5) }, { cpuUsec: 500_000 });
  book.open(half, at(10));
  book.close(half, { started: at(10), ended: at(10.2) }, { cpuUsec: 100_000 });
  assert.equal(
    book.query().map(({ seconds }) => seconds),
    [2, 1],
  );
  assert.equal(
    book.query().map(({ cpuUsedSeconds }) => cpuUsedSeconds),
    [0.5, 0.1],
  );
});

test("a run that ended before anybody opened it is written whole", () => {
  ledger().close(half, { started: at(1), ended: at(2.5) }, { cpuUsec: 7 });
  assert.is(ledger().query()[0]?.seconds, 2);
});

test("setting the clock bills nobody", () => {
  const book = ledger();
  book.open(half, at(0));
  book.close(half, { started: at(0), ended: at(3, 86_400) }, {});
  assert.is(book.query()[0]?.seconds, 3);
});

test("an end that nobody saw is billed as far as the container was seen", () => {
  const book = ledger();
  book.open(half, at(0));
  book.close(half, undefined, {}, at(7.5));
  assert.is(book.query()[0]?.seconds, 8);
  const other = { ...half, id: "b" };
  book.open(other, at(0));
  book.close(other, undefined, {});
  assert.is(book.query({ id: "b" })[0]?.seconds, 0);
});

test("an open record counts the whole seconds so far and has no end", () => {
  const book = ledger();
  book.open(half, at(0));
  book.note(new Map([["a", { cpuUsec: 42, memoryByteSeconds: GiB }]]));
  book.note(new Map([["a", { cpuUsec: 84, memoryByteSeconds: GiB }]]));
  now = 9.9;
  const [record] = book.query();
  assert.is(record?.seconds, 9);
  assert.is(record?.endedAt, undefined);
  assert.is(record?.cpuUsedSeconds, 0.000084);
  assert.is(record?.memoryUsedGibSeconds, 2);
});

test("what has no limit has no allocation to bill", () => {
  const book = ledger();
  const { cpus: _, memoryBytes: __, ...bare } = half;
  book.open(bare, at(0));
  book.close(bare, { started: at(0), ended: at(2) }, {});
  const [record] = book.query();
  assert.is(record?.seconds, 2);
  for (const field of ["cpus", "vcpuSeconds", "memoryBytes", "gibSeconds", "cpuUsedSeconds"]) {
    assert.not.ok(field in (record ?? {}), field);
  }
});

test("records are found by container, tag and time", () => {
  const book = ledger();
  for (const [index, id] of ["a", "b", "c"].entries()) {
    const one = { ...half, id, tags: { team: id === "c" ? "y" : "x" } };
    book.open(one, at(index * 10));
    book.close(one, { started: at(index * 10), ended: at(index * 10 + 5) }, {});
  }
  const ids = (filter: Parameters<Ledger["query"]>[0]) => book.query(filter).map(({ id }) => id);
  assert.equal(ids({}), ["a", "b", "c"]);
  assert.equal(ids({ id: "b" }), ["b"]);
  assert.equal(ids({ tags: { team: "x" } }), ["a", "b"]);
  assert.equal(ids({ since: "2027-01-15T08:00:05Z" }), ["b", "c"]);
  assert.equal(ids({ until: "2027-01-15T08:00:10Z" }), ["a"]);
  assert.throws(() => book.query({ since: "yesterday" }), /no time/);
});

test.run();

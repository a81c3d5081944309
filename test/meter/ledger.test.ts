import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { UsageFilter, UsageRecord } from "../../src/api.js";
import type { GranuleError } from "../../src/errors.js";
import { Ledger } from "../../src/meter/ledger.js";
import { LedgerStore } from "../../src/meter/ledger-store.js";
import type { Moment } from "../../src/meter/moment.js";
import { compact } from "../../src/meter/retention.js";
import type { Allocation } from "../../src/meter/segment.js";
import { queryRecords, summarizeRecords } from "../../src/meter/usage-query.js";
import { verifyChain } from "../../src/meter/verify.js";

const GiB = 2 ** 30;
const second = 1_000_000_000n;
/** Wall time begins at a round second, boot time at another number, so that neither is taken for the other. */
const at = (seconds: number, clockStep = 0): Moment => ({
  wallNs: 1_800_000_000n * second + BigInt(Math.round((seconds + clockStep) * 1e9)),
  bootNs: 5000n * second + BigInt(Math.round(seconds * 1e9)),
});
const half: Allocation = { id: "a", name: "web", image: "app:1", tags: { team: "x" }, cpus: 0.5, memoryBytes: GiB / 4 };

/** A ledger with what is asked of it. */
class Book extends Ledger {
  readonly store: LedgerStore;

  constructor(store: LedgerStore, bootId = "boot-1") {
    super(store, bootId);
    this.store = store;
  }

  query(filter: UsageFilter = {}): UsageRecord[] {
    return queryRecords(this.store, this, filter, at(now).bootNs);
  }
}

let folder: string;
let path: string;
let books: Book[] = [];
let told: string[] = [];
let now = 0;
/** The next owner's ledger on the same file: the last one's is closed. */
const ledger = (bootId?: string): Book => {
  books.at(-1)?.store.close();
  const book = new Book(new LedgerStore(path, (message) => told.push(message)), bootId);
  books.push(book);
  return book;
};

const test = suite("ledger");

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-ledger-"));
  path = join(folder, "usage.db");
  books = [];
  told = [];
  now = 0;
});
test.after.each(() => {
  books.at(-1)?.store.close();
  rmSync(folder, { recursive: true });
});

test("a run is billed in whole seconds, rounded up once at its end", () => {
  const book = ledger();
  book.open(half, at(0.001));
  book.close(half, { started: at(0), ended: at(4.2) }, { cpuUsec: 1_250_000, memoryByteSeconds: GiB / 2 });
  assert.equal(book.query(), [
    {
      record: 1,
      id: "a",
      name: "web",
      image: "app:1",
      tags: { team: "x" },
      startedAt: "2027-01-15T08:00:00.000000000Z",
      seconds: 5,
      endedAt: "2027-01-15T08:00:04.200000000Z",
      endReason: "exit",
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
  book.cut(full, at(2.6), { cpuUsec: 1_000_000 });
  book.cut(full, at(3), { cpuUsec: 1_100_000 });
  book.close(full, { started: at(0), ended: at(6.1) }, { cpuUsec: 3_000_000 });
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
  const next = ledger();
  next.close(half, end, {});
  assert.is(next.query().length, 1);
  assert.is(next.query()[0]?.cpuUsedSeconds, 0.00001);
});

test("opening again does not begin a second run, and a restart does", () => {
  ledger().open(half, at(0));
  const book = ledger();
  book.open(half, at(0));
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
  book.close(half, undefined, {}, "exit", at(7.5));
  assert.is(book.query()[0]?.seconds, 8);
  assert.is(book.query()[0]?.endReason, "unseen");
  const other = { ...half, id: "b" };
  book.open(other, at(0));
  book.note("b", { cpuUsec: 3_000_000 }, at(60));
  const next = ledger("boot-2");
  next.close(other, undefined, {}, "exit");
  const [record] = next.query({ id: "b" });
  assert.is(record?.seconds, 60);
  assert.is(record?.cpuUsedSeconds, 3);
});

test("an open record counts the whole seconds so far and has no end", () => {
  const book = ledger();
  book.open(half, at(0));
  book.note("a", { cpuUsec: 42, memoryByteSeconds: GiB }, at(5));
  book.note("a", { cpuUsec: 84, memoryByteSeconds: 2 * GiB }, at(9));
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
  const ids = (filter: UsageFilter) => book.query(filter).map(({ id }) => id);
  assert.equal(ids({}), ["a", "b", "c"]);
  assert.equal(ids({ id: "b" }), ["b"]);
  assert.equal(ids({ tags: { team: "x" } }), ["a", "b"]);
  assert.equal(ids({ since: "2027-01-15T08:00:05Z" }), ["b", "c"]);
  assert.equal(ids({ until: "2027-01-15T08:00:10Z" }), ["a"]);
  assert.throws(() => book.query({ since: "yesterday" }), /no time/);
});

test("spans that meet sum up to the record, whatever they cut through", () => {
  const book = ledger();
  book.store.addPrices(
    {
      validFromNs: 0n,
      currency: "EUR",
      perVcpuSecond: 12_345_678_901n,
      perGibSecond: 1_111_111_111n,
      perGbEgress: 0n,
      minimumSeconds: 0n,
      minimumCost: 0n,
      vcpuStep: 0n,
      memoryStep: 0n,
    },
    0n,
  );
  book.open(half, at(0.3));
  book.cut({ ...half, cpus: 0.7 }, at(3.1), { cpuUsec: 1_234_567 });
  book.close({ ...half, cpus: 0.7 }, { started: at(0.3), ended: at(11.9) }, { cpuUsec: 7_654_321 });
  const sum = (filter: UsageFilter) => {
    const groups = summarizeRecords(book.store, book, filter, at(20).bootNs);
    const records = book.query(filter);
    const [group] = groups;
    assert.is(
      group?.seconds ?? 0,
      records.reduce((total, { seconds }) => total + seconds, 0),
    );
    return {
      seconds: group?.seconds ?? 0,
      cpu: group?.cpuUsedSeconds ?? 0,
      cost: BigInt((group?.cost ?? "0.0").replace(/^0\.(\d+)$/, (_, digits: string) => digits.padEnd(9, "0"))),
    };
  };
  const whole = sum({});
  assert.is(whole.seconds, 12);
  for (const cut of [0, 0.3, 1, 2.3, 3.1, 3.3, 4, 7.77, 11.3, 11.9, 12.3]) {
    const edge = new Date(1_800_000_000_000 + cut * 1000).toISOString();
    const [before, after] = [sum({ until: edge }), sum({ since: edge })];
    assert.is(before.seconds + after.seconds, whole.seconds, `at ${cut}`);
    assert.is(before.cost + after.cost, whole.cost, `cost at ${cut}`);
    assert.is(Math.round((before.cpu + after.cpu) * 1e6), Math.round(whole.cpu * 1e6), `cpu at ${cut}`);
  }
});

test("a run over midnight is a record a day, and a clock that is set cuts nothing", () => {
  const toMidnight = 86_400 - (1_800_000_000 % 86_400);
  const book = ledger();
  book.open(half, at(0));
  book.close(half, { started: at(0), ended: at(toMidnight + 86_400 + 10, -7200) }, {});
  const records = book.query();
  assert.equal(
    records.map(({ seconds, endReason }) => [seconds, endReason]),
    [
      [toMidnight, "day"],
      [86_400, "day"],
      [10, "exit"],
    ],
  );
  assert.is(records[1]?.startedAt, "2027-01-16T00:00:00.000000000Z");
});

test("the chain holds over owners, and tells a changed, a missing and a cut-off record", async () => {
  for (let index = 0; index < 5; index++) {
    const book = ledger();
    const one = { ...half, id: `c${index}` };
    book.close(one, { started: at(index), ended: at(index + 1) }, { cpuUsec: index });
  }
  const { store } = ledger();
  const sound = await verifyChain(store);
  assert.is(sound.intact, true);
  assert.is(sound.records, 5);
  assert.is((await verifyChain(store, { record: 5, hash: sound.head.hash })).intact, true);
  const tamper = async (statement: string) => {
    store.database.exec("BEGIN");
    store.database.exec(statement);
    const result = await verifyChain(store);
    store.database.exec("ROLLBACK");
    return result.broken?.record;
  };
  assert.is(await tamper("UPDATE usage_records SET seconds = 0 WHERE record = 3"), 3);
  assert.is(await tamper("UPDATE tag_sets SET tags = '{}'"), 1);
  assert.is(await tamper("DELETE FROM usage_records WHERE record = 2"), 2);
  assert.is(await tamper("DELETE FROM usage_records WHERE record = 5"), 5);
  const rewritten = await verifyChain(store, { record: 4, hash: "0".repeat(64) });
  assert.match(rewritten.broken?.problem ?? "", /not the one expected/);
});

test("what retention lets go of leaves a chain that holds", async () => {
  const today = ledger();
  for (const day of [0, 1, 2, 3]) {
    const one = { ...half, id: `d${day}` };
    today.close(one, { started: at(day * 86_400), ended: at(day * 86_400 + 60) }, {});
  }
  const before = await verifyChain(today.store);
  today.store.retention = { recordDays: 2, hourDays: 0, minuteDays: 0 };
  assert.is(compact(today.store, at(3 * 86_400 + 120).wallNs), false);
  assert.equal(
    today.query().map(({ id }) => id),
    ["d2", "d3"],
  );
  const after = await verifyChain(today.store);
  assert.is(after.intact, true);
  assert.is(after.records, 2);
  assert.equal(after.head, before.head);
});

test("a newer ledger is refused, and left as it is", () => {
  ledger().store.close();
  books = [];
  const database = new Libsql(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(
    () => new LedgerStore(path, () => {}),
    (error: GranuleError) => error.code === "FAILED_PRECONDITION" && /newer/.test(error.message),
  );
  assert.equal(
    readdirSync(folder).filter((name) => name.includes("damaged")),
    [],
  );
});

test("a damaged ledger is set aside with a message, at the open and while it is in use", async () => {
  writeFileSync(path, "this is no database".repeat(1000));
  const book = ledger();
  assert.match(told[0] ?? "", /the usage ledger was damaged and is kept as .*usage\.db\.damaged-/);
  book.open(half, at(0));
  book.close({ ...half, id: "b" }, { started: at(0), ended: at(1) }, {});
  const { head } = await verifyChain(book.store);
  // Pages in the middle of the file turn to dust under the open connection.
  book.store.database.pragma("wal_checkpoint(TRUNCATE)");
  const size = existsSync(path) ? 4096 * 3 : 0;
  const dust = Buffer.alloc(size, 0x5a);
  const { openSync, writeSync, closeSync, fstatSync } = await import("node:fs");
  const file = openSync(path, "r+");
  for (let offset = 4096; offset < fstatSync(file).size; offset += size) writeSync(file, dust, 0, size, offset);
  closeSync(file);
  book.store.database.pragma("cache_size = 0");
  book.close({ ...half, id: "c" }, { started: at(2), ended: at(3) }, {});
  book.close(half, { started: at(0), ended: at(4) }, {});
  assert.is(told.length, 2, told.join("; "));
  assert.equal(
    book.query().map(({ id, seconds }) => [id, seconds]),
    [
      ["c", 1],
      ["a", 4],
    ],
  );
  const after = await verifyChain(book.store);
  assert.is(after.intact, true);
  assert.is(after.head.record, head.record + 2, "the chain goes on from the last record that was written");
});

test("bad filters are named", () => {
  const book = ledger();
  assert.throws(() => book.query({ since: "2027-13-01" }), /since is no time: "2027-13-01"/);
  assert.throws(() => book.query({ since: "2027-01-02", until: "2027-01-01" }), /since is not before until/);
  assert.throws(() => summarizeRecords(book.store, book, { by: ["team"] }, 0n), /by cannot be "team"/);
  assert.throws(() => book.query({ limit: 0 }), /limit is no whole number/);
});

test.run();

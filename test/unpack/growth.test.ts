import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NativeGrowth, native, type UnpackResult } from "../../src/native.js";
import { tarOf } from "./tar-fixture.js";

const test = suite("unpackLayer: a file that is still being written");
const blob = gzipSync(tarOf(["a", "b", "c"].map((name) => ({ name, body: name.repeat(100_000) }))), { level: 0 });
let folder: string;
let growth: NativeGrowth;
let control: BigInt64Array;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-growth-"));
  mkdirSync(join(folder, "root"));
  growth = native().createGrowth();
  control = new BigInt64Array(new SharedArrayBuffer(16));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

function unpack(bytes: Uint8Array = blob): Promise<UnpackResult> {
  const source = join(folder, "blob");
  writeFileSync(source, bytes);
  return native().unpackLayer({
    source,
    growth,
    target: join(folder, "root"),
    compression: "gzip",
    maxEntries: 10,
    maxBytes: 1e9,
    maxRatio: 100,
    hashSource: true,
    threads: 2,
    control,
  });
}

async function failure(unpacking: Promise<unknown>): Promise<{ step?: string; errno?: string }> {
  return await unpacking.then(
    () => {
      throw new Error("it was unpacked");
    },
    (thrown: { step?: string; errno?: string }) => thrown,
  );
}

/** Waits until so many bytes were read. */
async function read(bytes: number): Promise<void> {
  while (Atomics.load(control, 1) < BigInt(bytes)) await new Promise((resolve) => setImmediate(resolve));
}

test("it is read as far as it may be, and is whole only once its end is told", async () => {
  let over = false;
  const unpacking = unpack().finally(() => (over = true));
  for (let readable = 0; readable < blob.length; readable += 50_000) {
    growth.advance(Math.min(readable, blob.length));
    await read(readable);
    assert.is(Atomics.load(control, 1), BigInt(readable));
  }
  growth.advance(blob.length);
  await read(blob.length);
  assert.not(over, "all of it is there, and nobody has said so");
  growth.end();
  assert.is((await unpacking).compressedBytes, blob.length);
  assert.is(readFileSync(join(folder, "root/c"), "utf8"), "c".repeat(100_000));
});

test("one that is lost is given up, with its last byte read as well", async () => {
  const unpacking = unpack();
  growth.advance(blob.length);
  await read(blob.length);
  growth.lose();
  growth.end();
  assert.is((await failure(unpacking)).step, "growth");
});

test("one that gets shorter is given up", async () => {
  const unpacking = unpack();
  growth.advance(10);
  await read(10);
  truncateSync(join(folder, "blob"), 10);
  growth.advance(blob.length);
  assert.is((await failure(unpacking)).step, "growth");
});

test("who waits for more can be cancelled", async () => {
  const unpacking = unpack();
  growth.advance(100_000);
  await read(100_000);
  Atomics.store(control, 0, 1n);
  growth.wake();
  assert.is((await failure(unpacking)).errno, "ECANCELED");
});

test("one that ends early is truncated, and corrupt is told at once", async () => {
  const unpacking = unpack(blob.subarray(0, 150_000));
  growth.advance(150_000);
  growth.end();
  assert.is((await failure(unpacking)).step, "format");
  growth = native().createGrowth();
  control = new BigInt64Array(new SharedArrayBuffer(16));
  rmSync(join(folder, "root"), { recursive: true });
  mkdirSync(join(folder, "root"));
  const spoilt = unpack(Buffer.from("this is no gzip stream at all"));
  growth.advance(20);
  assert.is((await failure(spoilt)).step, "format");
});

test.run();

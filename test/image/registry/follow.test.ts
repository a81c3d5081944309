import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LoadProgress } from "../../../src/api.js";
import { Deferred } from "../../../src/runtime/deferred.js";
import { type FixtureLayer, layerOf, ociLayoutOf, rejection, sha256, writeFolder } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { type Fault, FaultProxy } from "./fault-proxy.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const registry = await DebianRegistry.start();
const proxy = await FaultProxy.start(registry.host);
const name = `${proxy.host}/app:1`;

const test = suite("layers that are unpacked while they are fetched");
let place: PullStore;
test.before.each(() => {
  place = openPullStore();
  proxy.reset();
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await proxy.stop();
  await registry.stop();
});

const noise = (bytes: number): string => randomBytes(bytes / 2).toString("hex");

/** Pushes a layer, its blob as it is given. @returns the hex digits of the blob */
function push(layer: FixtureLayer): string {
  const layout = writeFolder(join(place.folder, "layout"), ociLayoutOf([{ layers: [layer] }]));
  registry.pushFrom(`oci:${layout}`, "app:1", ["--preserve-digests"]);
  rmSync(layout, { recursive: true });
  return sha256(layer.blob ?? layer.tar).slice(7);
}

/** Whether a file of the layer under way is there. */
const unpacked = (file: string): boolean =>
  place.layers().some((partial) => existsSync(join(place.root, "layers", partial, "layer", file)));

/** Answers for a blob with its beginning, and with the rest once `until` holds. */
function halting(blob: string, bytes: number, until: () => boolean): Fault {
  return async ({ request, response, before, upstream }) => {
    if (!request.path.endsWith(blob) || before > 0) return false;
    const { status, headers, body } = await upstream();
    response.writeHead(status, headers);
    response.write(body.subarray(0, bytes));
    while (!until()) await delay(5);
    response.end(body.subarray(bytes));
    return true;
  };
}

test("its first file is there before the last byte is sent", async () => {
  const blob = push(layerOf(["first", noise(2_000_000)], ["second", noise(2_000_000)]));
  const stages: LoadProgress["stage"][] = [];
  proxy.fault = halting(blob, 3_000_000, () => unpacked("first"));
  await place.store.pull(name, { onProgress: ({ stage }) => stages.push(stage) });
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
  assert.is(stages.lastIndexOf("download") < stages.indexOf("ready"), true);
  assert.equal(
    place.blobs().filter((one) => one.includes("partial")),
    [],
  );
});

test("wrong bytes on the way are given up, and the layer comes from what is fetched after", async () => {
  const blob = push(layerOf(["first", noise(1_000_000)], ["second", noise(1_000_000)]));
  proxy.fault = async ({ request, response, before, upstream }) => {
    if (!request.path.endsWith(blob) || before > 0) return false;
    const { status, headers, body } = await upstream();
    body.fill(0xff, 700_000, 1_500_000);
    response.writeHead(status, headers).end(body);
    return true;
  };
  await place.store.pull(name);
  assert.is(proxy.asked("GET", "blobs").filter(({ path }) => path.endsWith(blob)).length, 2);
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
});

test("a layer whose tar is right does not count while its blob is not", async () => {
  const { tar } = layerOf(["file", "content ".repeat(50_000)]);
  const [right, other] = [gzipSync(tar, { level: 1 }), gzipSync(tar, { level: 9 })];
  // Zeros after the last gzip member are padding, so that both have one length.
  const size = Math.max(right.length, other.length);
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);
  const blob = push({ tar, blob: padded(right), mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" });
  proxy.fault = ({ request, response }) => {
    if (!request.path.endsWith(blob)) return false;
    response.writeHead(200, { "content-length": String(size) }).end(padded(other));
    return true;
  };
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "CORRUPT");
  assert.match(failure.message, /sent other bytes than were asked for/);
  assert.equal([place.layers(), place.store.has(name)], [[], false]);
});

test("what is cancelled while it waits for bytes ends, and leaves nothing but the partial blob", async () => {
  const blob = push(layerOf(["first", noise(2_000_000)], ["second", noise(2_000_000)]));
  const abort = new AbortController();
  proxy.fault = halting(blob, 3_000_000, () => abort.signal.aborted);
  const pull = rejection(place.store.pull(name, { signal: abort.signal }));
  while (!unpacked("first")) await delay(5);
  abort.abort();
  assert.is((await pull).code, "CANCELLED");
  assert.equal(place.layers(), []);
  assert.ok(place.blobs().includes(`${blob}.partial`));
  proxy.reset();
  await place.store.pull(name);
  assert.match(
    proxy.asked("GET", "blobs").find(({ path }) => path.endsWith(blob))?.headers.range ?? "",
    /^bytes=[1-9]/,
  );
});

test("one of two pulls that share it is given up, and the other goes on", async () => {
  const blob = push(layerOf(["first", noise(2_000_000)], ["second", noise(2_000_000)]));
  const abort = new AbortController();
  proxy.fault = halting(blob, 3_000_000, () => abort.signal.aborted);
  const given = rejection(place.store.pull(name, { signal: abort.signal }));
  const kept = place.store.pull(name);
  while (!unpacked("first")) await delay(5);
  abort.abort();
  assert.is((await given).code, "CANCELLED");
  assert.equal((await kept).names, [name]);
  assert.is(proxy.asked("GET", "blobs").filter(({ path }) => path.endsWith(blob)).length, 1);
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
});

test("a load of the same layer does not wait for the network", async () => {
  const layer = layerOf(["first", noise(2_000_000)], ["second", noise(2_000_000)]);
  const blob = push(layer);
  let loaded = false;
  proxy.fault = halting(blob, 3_000_000, () => loaded);
  const pull = place.store.pull(name);
  while (!unpacked("first")) await delay(5);
  const layout = writeFolder(join(place.folder, "other"), ociLayoutOf([{ layers: [layer], names: ["same:1"] }]));
  await place.store.load(layout);
  loaded = true;
  await pull;
  assert.is(readdirSync(join(place.root, "layers")).filter((one) => one !== ".records").length, 1);
});

test("ranges are asked for from the front on", async () => {
  place[Symbol.dispose]();
  place = openPullStore({ splitFromBytes: 100_000, parallelRanges: 2, rangeAfterMs: 0, rangeBytes: 100_000 });
  const layer = layerOf(["first", noise(1_000_000)]);
  const blob = push(layer);
  await place.store.pull(name);
  const starts = proxy
    .asked("GET", "blobs")
    .filter(({ path }) => path.endsWith(blob))
    .map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1]));
  assert.equal(
    starts,
    [...starts].sort((a, b) => a - b),
  );
  assert.is(starts.length, Math.floor(layer.tar.length / 100_000));
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
});

test("a further range is begun only where one connection brings little", async () => {
  const blob = push(layerOf(["first", noise(1_000_000)]));
  const settings = { splitFromBytes: 100_000, parallelRanges: 3, rangeAfterMs: 300, rangeBytes: 250_000 };
  for (const [fastBytesPerSecond, most] of [
    [1, 1],
    [1e12, 3],
  ] as const) {
    place[Symbol.dispose]();
    place = openPullStore({ ...settings, fastBytesPerSecond });
    let [open, seen] = [0, 0];
    const all = new Deferred<void>();
    proxy.fault = async ({ request, response, upstream }) => {
      if (!request.path.endsWith(blob)) return false;
      seen = Math.max(seen, ++open);
      if (seen === 3) all.resolve();
      const { status, headers, body } = await upstream();
      response.writeHead(status, headers);
      for (let at = 0; at < body.length; at += 50_000) {
        await delay(60);
        // Those that are to be three wait for each other; one alone goes on.
        if (most === 3 && at > 0) await all.promise;
        if (at + 50_000 >= body.length) open -= 1;
        response.write(body.subarray(at, at + 50_000));
      }
      response.end();
      return true;
    };
    await place.store.pull(name);
    assert.is(seen, most);
  }
});

test("a registry without ranges gives a large blob whole", async () => {
  place[Symbol.dispose]();
  place = openPullStore({ splitFromBytes: 100_000, rangeAfterMs: 0 });
  const blob = push(layerOf(["first", noise(1_000_000)]));
  proxy.fault = async ({ request, response, upstream }) => {
    if (!request.path.endsWith(blob)) return false;
    delete request.headers.range;
    const { body } = await upstream();
    response.writeHead(200, { "content-length": String(body.length) }).end(body);
    return true;
  };
  await place.store.pull(name);
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
});

test.run();

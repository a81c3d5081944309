import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ImageStore } from "../../../src/image/store.js";
import { openDatabase } from "../../../src/state/database.js";
import { layerOf } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { FaultProxy } from "./fault-proxy.js";
import { testSettings } from "./pull-store.js";

const rounds = 5;
const child = fileURLToPath(new URL("./pull-child.js", import.meta.url));
const registry = await DebianRegistry.start();
const proxy = await FaultProxy.start(registry.host);
const name = `${proxy.host}/app:1`;

const test = suite("pulls that are cut short");
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-crash-"));
  for (const one of ["root", "home"]) mkdirSync(join(folder, one));
  proxy.reset();
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));
test.after(async () => {
  await proxy.stop();
  await registry.stop();
});

function start(): ChildProcess {
  return spawn(process.execPath, [child, join(folder, "root"), join(folder, "home"), name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** What the next owner of the root finds under the name: its id, after everything was checked. */
async function found(): Promise<string> {
  const root = join(folder, "root");
  const { database } = openDatabase(join(root, "granule.db"));
  try {
    const store = new ImageStore(root, database, undefined, testSettings(join(folder, "home")));
    const checks = await store.verify(name);
    assert.equal(
      checks.map(({ problems }) => problems),
      [[]],
    );
    return store.inspect(name).id;
  } finally {
    database.close();
  }
}

test("a kill at any instant leaves the old image or the new one, and the next pull goes on", async () => {
  registry.push({ layers: [layerOf(["version", "old"])] }, "app:1");
  assert.match(await text(start().stdout ?? process.stdin), /^image sha256/m);
  const old = await found();
  const layers = Array.from({ length: 5 }, (_, index) =>
    layerOf([`file${index}`, randomBytes(1_500_000).toString("hex")]),
  );
  registry.push({ layers }, "app:1");
  proxy.reset();
  let fresh: string | undefined;
  let interrupted = 0;
  for (let round = 0; round < rounds; round++) {
    const pull = start();
    const ended = once(pull, "close");
    await once(pull.stdout ?? pull, "data");
    await delay(Math.random() * 40 * (round + 1));
    pull.kill("SIGKILL");
    const [code] = (await ended) as [number | null];
    if (code === null) interrupted += 1;
    const now = await found();
    if (fresh !== undefined) assert.is(now, fresh, "a new image stays");
    if (now !== old) fresh = now;
  }
  assert.ok(interrupted > 0);
  const output = await text(start().stdout ?? process.stdin);
  assert.is(`image ${await found()}`, /^image .*$/m.exec(output)?.[0]);
  assert.not((await found()) === old);
});

test("after a kill in the middle of a blob, the rest of it is all that is fetched", async () => {
  const layer = layerOf(["file", randomBytes(2_000_000).toString("hex")]);
  registry.push({ layers: [layer] }, "app:1");
  proxy.fault = async ({ request, response, upstream }) => {
    const { status, headers, body } = await upstream();
    if (!request.path.includes("/blobs/") || body.length < 1_000_000) {
      response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
      return true;
    }
    response.writeHead(status, headers);
    response.write(body.subarray(0, 1_000_000));
    return true;
  };
  const pull = start();
  const ended = once(pull, "close");
  const blobs = join(folder, "root/blobs/sha256");
  const arrived = (): boolean =>
    existsSync(blobs) &&
    readdirSync(blobs).some((file) => file.endsWith(".partial") && statSync(join(blobs, file)).size > 500_000);
  while (!arrived()) await delay(5);
  pull.kill("SIGKILL");
  await ended;
  proxy.reset();
  assert.match(await text(start().stdout ?? process.stdin), /^image sha256/m);
  const ranges = proxy.asked("GET", "blobs").map(({ headers }) => headers.range);
  assert.is(ranges.length, 1);
  assert.match(ranges[0] ?? "", /^bytes=[1-9]\d+-/);
  await found();
});

interface Failure {
  code: string;
  message: string;
  hint?: string;
  blobs: string[];
  layers: string[];
}

/** Pulls onto a tmpfs of its own size, in a mount namespace that goes with the process. */
async function pullOnto(megabytes: number): Promise<Failure> {
  const root = join(folder, "root");
  const script = `mount -t tmpfs -o size=${megabytes}m none ${root} && exec "$@"`;
  const command = [process.execPath, child, root, join(folder, "home"), name];
  const options = ["-m", "--propagation", "private", "sh", "-c", script, "-", ...command];
  const { stdout } = await promisify(execFile)("unshare", options);
  return JSON.parse(/^error (.*)$/m.exec(stdout)?.[1] ?? "{}") as Failure;
}

test("a disk too full for the download is told before it begins", async () => {
  registry.push({ layers: [layerOf(["file", randomBytes(6_000_000).toString("hex")])] }, "app:1");
  const failure = await pullOnto(4);
  assert.is(failure.code, "RESOURCE_EXHAUSTED");
  assert.match(failure.message, /the disk is too full: the layers to download have \d+ MiB, and \d+ MiB are free/);
  assert.match(failure.hint ?? "", /granule prune --images/);
  assert.is(proxy.asked("GET", "blobs").length, 1, "the configuration alone");
});

test("a disk that fills while a layer is unpacked is told, and no half layer stays", async () => {
  const { tar } = layerOf(["zeros", "\0".repeat(30_000_000)]);
  registry.push(
    { layers: [{ tar, blob: gzipSync(tar), mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }] },
    "app:1",
  );
  const failure = await pullOnto(8);
  assert.is(failure.code, "RESOURCE_EXHAUSTED");
  assert.equal([failure.layers, failure.blobs], [[], []]);
});

test.run();

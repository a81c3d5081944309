import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type FixtureImage, layerOf, rejection, sha256 } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { type Fault, FaultProxy } from "./fault-proxy.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const registry = await DebianRegistry.start();
const proxy = await FaultProxy.start(registry.host);
/** Where redirects lead to: another host, as far as credentials are concerned. */
const elsewhere = await FaultProxy.start(registry.host);

const small = layerOf(["small", "one"]);
const large = layerOf(["large", randomBytes(600_000).toString("hex")]);
const image: FixtureImage = { layers: [small, large] };
registry.push(image, "app:1");
const smallBlob = await blobOf(0);
const largeBlob = await blobOf(1);
const credentials = { username: "bob", password: "hidden" };

const test = suite("pull through faults");
let place: PullStore;
test.before.each(() => {
  place = openPullStore();
  proxy.reset();
  elsewhere.reset();
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await Promise.all([proxy.stop(), elsewhere.stop()]);
  await registry.stop();
});

const name = `${proxy.host}/app:1`;
const isLarge = (path: string): boolean => path.endsWith(largeBlob);

/** The image is here, whole: every blob and layer is what its digest says. */
async function arrived(): Promise<void> {
  await place.store.pull(name);
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
  assert.not(
    place.blobs().some((one) => !/^[0-9a-f]{64}$/.test(one)),
    place.blobs().join(),
  );
}

/** Sends so many bytes of the registry's answer, and then ends the connection. */
function cutAfter(bytes: number): Fault {
  return async ({ response, upstream }) => {
    const { status, headers, body } = await upstream();
    response.writeHead(status, headers);
    response.write(body.subarray(0, bytes), () => response.destroy());
    return true;
  };
}

test("a connection that is reset in the middle of a blob goes on from there", async () => {
  proxy.fault = (exchange) => isLarge(exchange.request.path) && exchange.before < 3 && cutAfter(150_000)(exchange);
  await arrived();
  const ranges = proxy
    .asked("GET", "blobs")
    .filter(({ path }) => isLarge(path))
    .map(({ headers }) => headers.range);
  assert.is(ranges.length, 4);
  assert.is(ranges[0], undefined);
  for (const range of ranges.slice(1)) assert.match(range ?? "", /^bytes=[1-9]\d*-\d+$/);
});

test("answers of 503 and 429 are waited out, as long as Retry-After asks", async () => {
  const times: number[] = [];
  proxy.fault = ({ request, response, before }) => {
    if (isLarge(request.path)) times.push(performance.now());
    if (before === 0 && request.path.includes("/manifests/")) response.writeHead(503).end();
    else if (before === 0 && isLarge(request.path)) response.writeHead(429, { "retry-after": "1" }).end();
    else return false;
    return true;
  };
  await arrived();
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990, times.join(" "));
});

test("a registry that stays broken is told as it answers", async () => {
  proxy.fault = ({ response }) => {
    response.writeHead(502).end("<html>");
    return true;
  };
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "UNAVAILABLE");
  assert.match(failure.message, /answered 502 for app:1/);
  assert.is(proxy.asked("HEAD", "manifests").length, 6);
  proxy.reset();
  proxy.fault = ({ response }) => {
    response.writeHead(429, { "retry-after": "3600" }).end();
    return true;
  };
  const busy = await rejection(place.store.pull(name));
  assert.match(busy.message, /too many requests/);
  assert.is(proxy.asked("HEAD", "manifests").length, 1);
});

test("a body that ends early, with a length that fits it, is asked for again", async () => {
  proxy.fault = async ({ request, response, before, upstream }) => {
    if (!isLarge(request.path) || before > 0) return false;
    const { status, headers, body } = await upstream();
    response.writeHead(status, { ...headers, "content-length": "5000" }).end(body.subarray(0, 5000));
    return true;
  };
  await arrived();
  assert.is(
    proxy
      .asked("GET", "blobs")
      .filter(({ path }) => isLarge(path))
      .at(-1)
      ?.headers.range?.slice(0, 11),
    "bytes=5000-",
  );
});

test("a blob that always ends early is told with its length", async () => {
  proxy.fault = async ({ request, response, upstream }) => {
    if (!isLarge(request.path)) return false;
    const { body } = await upstream();
    response.writeHead(200, { "content-length": "10" }).end(body.subarray(0, 10));
    return true;
  };
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "UNAVAILABLE");
  assert.match(failure.message, /does not let a download go on|before its \d+ bytes/);
});

test("wrong bytes once are fetched anew; always, they are an error and never stay", async () => {
  const spoil: Fault = async ({ response, upstream }) => {
    const { status, headers, body } = await upstream();
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    response.writeHead(status, headers).end(body);
    return true;
  };
  proxy.fault = (exchange) => isLarge(exchange.request.path) && spoil(exchange);
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "CORRUPT");
  assert.match(failure.message, new RegExp(`sent other bytes than were asked for.*not sha256:${largeBlob}`));
  assert.not(place.blobs().includes(largeBlob));
  assert.not(place.store.has(name));
  proxy.fault = (exchange) => isLarge(exchange.request.path) && exchange.before === 3 && spoil(exchange);
  await arrived();
});

test("more bytes than the manifest says are cut off", async () => {
  proxy.fault = async ({ request, response, upstream }) => {
    if (!isLarge(request.path)) return false;
    const { body } = await upstream();
    response.writeHead(200).end(Buffer.concat([body, body]));
    return true;
  };
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "CORRUPT");
  assert.match(failure.message, /sends more than the \d+ bytes/);
});

test("what went wrong first is told, and not that the other layer was given up for it", async () => {
  proxy.fault = async ({ request, response, upstream }) => {
    if (!request.path.includes("/blobs/sha256:")) return false;
    if (!isLarge(request.path)) {
      if (request.path.endsWith(smallBlob)) await once(response, "close");
      return request.path.endsWith(smallBlob);
    }
    const { body } = await upstream();
    response.writeHead(200).end(Buffer.concat([body, body]));
    return true;
  };
  const failure = await rejection(place.store.pull(name));
  assert.is(failure.code, "CORRUPT");
});

test("another manifest than the digest asked for", async () => {
  const digest = sha256("another");
  proxy.fault = async ({ request, response, upstream }) => {
    if (!request.path.includes("/manifests/")) return false;
    const { body } = await proxyManifest(upstream, request.path);
    response.writeHead(200, {
      "docker-content-digest": digest,
      "content-type": "application/vnd.oci.image.manifest.v1+json",
    });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  };
  const failure = await rejection(place.store.pull(`${proxy.host}/app@${digest}`));
  assert.is(failure.code, "CORRUPT");
  assert.match(failure.message, /another manifest than was asked for/);
  assert.is((await rejection(place.store.pull(name))).code, "CORRUPT");
});

test("a body that drips is cut, and goes on over a fresh connection", async () => {
  place[Symbol.dispose]();
  place = openPullStore({ slowWindowMs: 150, slowWindowBytes: 1000 });
  proxy.fault = async ({ request, response, before, upstream }) => {
    if (!isLarge(request.path) || before > 0) return false;
    const { status, headers, body } = await upstream();
    response.writeHead(status, headers);
    response.write(body.subarray(0, 100_000));
    const drip = setInterval(() => response.write(body.subarray(0, 1)), 20);
    response.on("close", () => clearInterval(drip));
    return true;
  };
  const failure = await rejection(place.store.pull(name)).catch(() => undefined);
  // What dripped were wrong bytes as well: the digest finds them, and the blob is fetched anew.
  assert.is(failure, undefined);
  assert.equal(
    (await place.store.verify(name)).map(({ ok }) => ok),
    [true],
  );
});

test("a blob that is redirected to another host takes no credentials along", async () => {
  const authorization = `Basic ${Buffer.from("bob:hidden").toString("base64")}`;
  proxy.fault = ({ request, response }) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
      return true;
    }
    if (!request.path.includes("/blobs/")) return false;
    response.writeHead(307, { location: `http://${elsewhere.host}${request.path}?signature=1` }).end();
    return true;
  };
  await place.store.pull(name, { credentials });
  assert.ok(elsewhere.seen.length >= 3);
  for (const { headers } of elsewhere.seen) assert.is(headers.authorization, undefined);
  assert.ok(proxy.seen.some(({ headers }) => headers.authorization === authorization));
});

test("a redirect on the same host keeps them; one in circles ends", async () => {
  const authorization = `Basic ${Buffer.from("bob:hidden").toString("base64")}`;
  proxy.fault = ({ request, response }) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
      return true;
    }
    if (!request.path.includes("/blobs/") || request.path.includes("?")) return false;
    response.writeHead(302, { location: `${request.path}?again` }).end();
    return true;
  };
  await place.store.pull(name, { credentials });
  proxy.reset();
  await place.store.remove(name);
  proxy.fault = ({ request, response }) => {
    response.writeHead(302, { location: request.path }).end();
    return true;
  };
  assert.match((await rejection(place.store.pull(name))).message, /redirects in circles/);
});

test("a registry without ranges: an interrupted blob is begun anew", async () => {
  let cuts = 0;
  proxy.fault = async (exchange) => {
    const { request, response, upstream } = exchange;
    if (!isLarge(request.path)) return false;
    delete request.headers.range;
    if (cuts++ === 0) return cutAfter(400_000)(exchange);
    const { headers, body } = await upstream();
    response.writeHead(200, headers).end(body);
    return true;
  };
  await arrived();
});

test("a large blob comes in several ranges at once, and the next pull goes on with each", async () => {
  place[Symbol.dispose]();
  place = openPullStore({ splitFromBytes: 100_000, parallelRanges: 4, rangeAfterMs: 0, attempts: 2 });
  const partial = join(place.root, "blobs/sha256", `${largeBlob}.partial`);
  proxy.fault = async (exchange) => {
    if (!isLarge(exchange.request.path)) return false;
    if (exchange.before < 4) return cutAfter(50_000)(exchange);
    // The pull ends with the first range that has no attempt left: not before all four have something.
    while (statSync(partial).blocks * 512 < 4 * 45_000) await delay(1);
    return cutAfter(0)(exchange);
  };
  assert.is((await rejection(place.store.pull(name))).code, "UNAVAILABLE");
  assert.ok(place.blobs().includes(`${largeBlob}.partial`));
  const first = rangesOf();
  assert.ok(first.length >= 4, first.join());
  proxy.reset();
  await arrived();
  const starts = rangesOf().map((range) => Number(/bytes=(\d+)/.exec(range)?.[1]));
  assert.is(starts.length, 4, starts.join());
  assert.not(starts.includes(0));
});

test("what a pull without an end has fetched is not fetched again by the next", async () => {
  proxy.fault = (exchange) => isLarge(exchange.request.path) && cutAfter(exchange.before === 0 ? 500_000 : 0)(exchange);
  assert.is((await rejection(place.store.pull(name))).code, "UNAVAILABLE");
  proxy.reset();
  await arrived();
  const blobs = proxy.asked("GET", "blobs");
  assert.is(blobs.length, 1, JSON.stringify(blobs));
  assert.match(blobs[0]?.headers.range ?? "", /^bytes=[1-9]/);
});

function rangesOf(): string[] {
  return proxy
    .asked("GET", "blobs")
    .filter(({ path }) => isLarge(path))
    .map(({ headers }) => headers.range ?? "");
}

/** The hex digits of a layer's blob, as skopeo pushed it. */
async function blobOf(index: number): Promise<string> {
  const accept = { accept: "application/vnd.oci.image.manifest.v1+json" };
  const manifest = await fetch(`http://${registry.host}/v2/app/manifests/1`, { headers: accept });
  const { layers } = (await manifest.json()) as { layers: { digest: string }[] };
  return layers[index]?.digest.slice(7) ?? "";
}

async function proxyManifest(upstream: () => Promise<{ body: Buffer }>, path: string): Promise<{ body: Buffer }> {
  if (path.endsWith("/1")) return upstream();
  const accept = { accept: "application/vnd.oci.image.manifest.v1+json" };
  const manifest = await fetch(`http://${registry.host}/v2/app/manifests/1`, { headers: accept });
  return { body: Buffer.from(await manifest.arrayBuffer()) };
}

test.run();

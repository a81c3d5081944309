import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, layerOf, rejection, sha256 } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { FaultProxy } from "./fault-proxy.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const registry = await DebianRegistry.start();
const proxy = await FaultProxy.start(registry.host);
/** Hosts of no registry: where the urls lead. */
const dead = await FaultProxy.start(registry.host);
const live = await FaultProxy.start(registry.host);
const name = `${proxy.host}/app:1`;
const credentials = { username: "bob", password: "hidden" };
const authorization = `Basic ${Buffer.from("bob:hidden").toString("base64")}`;

const layer = layerOf(["file", "from elsewhere"]);
const blob = gzipSync(layer.tar);
const config = configOf({ layers: [layer] });

const test = suite("foreign layers");
let place: PullStore;
let served: Buffer;
test.before.each(() => {
  place = openPullStore();
  for (const one of [proxy, dead, live]) one.reset();
  served = blob;
  dead.fault = ({ response }) => Boolean(response.writeHead(404).end());
  live.fault = ({ response }) => Boolean(response.writeHead(200, { "content-length": served.length }).end(served));
  serveImage([`http://${dead.host}/layer`, "ftp://elsewhere.test/layer", `http://${live.host}/layer?key=1`]);
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await Promise.all([proxy.stop(), dead.stop(), live.stop()]);
  await registry.stop();
});

/** The registry has the image's documents, for those who log in, and not its layer. */
function serveImage(urls: string[], mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"): void {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: sha256(config),
        size: config.length,
      },
      layers: [{ mediaType, digest: sha256(blob), size: blob.length, urls }],
    }),
  );
  proxy.fault = ({ request, response }) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
      return true;
    }
    const isManifest = request.path.includes("/manifests/");
    if (!isManifest && !request.path.endsWith(sha256(config))) {
      response.writeHead(404).end();
      return true;
    }
    const body = isManifest ? manifest : config;
    response.writeHead(200, {
      "content-type": isManifest ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream",
      "content-length": body.length,
      "docker-content-digest": sha256(body),
    });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  };
}

function allow(): void {
  const document = { registries: { [proxy.host]: { foreignLayers: true } } };
  writeFileSync(join(place.home, "registries.json"), JSON.stringify(document));
}

test("they are refused unless they are allowed, and nobody is asked for them", async () => {
  const failure = await rejection(place.store.pull(name, { credentials }));
  assert.is(failure.code, "UNSUPPORTED");
  assert.match(failure.message, new RegExp(`is not in the registry but at http://${dead.host}/layer`));
  assert.match(failure.hint ?? "", /"foreignLayers": true/);
  assert.equal([dead.seen, live.seen], [[], []]);
});

test("allowed, they come from the first url that has them, without credentials", async () => {
  allow();
  const image = await place.store.pull(name, { credentials });
  assert.is(readFileSync(join(place.store.layersOf(image)[0] ?? "", "file"), "utf8"), "from elsewhere");
  assert.equal(
    [...dead.seen, ...live.seen].map(({ method, path }) => `${method} ${path}`),
    ["GET /layer", "GET /layer?key=1"],
  );
  for (const { headers } of [...dead.seen, ...live.seen]) assert.is(headers.authorization, undefined);
  assert.equal(
    (await place.store.verify(name)).map(({ problems }) => problems),
    [[]],
  );
});

test("what a url gives is held to the digest", async () => {
  allow();
  served = Buffer.from(blob);
  served[served.length - 1] = 1;
  const failure = await rejection(place.store.pull(name, { credentials }));
  assert.is(failure.code, "CORRUPT");
  assert.match(failure.message, new RegExp(`${live.host} sent other bytes than were asked for`));
  assert.equal([place.layers(), place.store.has(name)], [[], false]);
});

test("urls of a layer that registries do hold are asked for nothing", async () => {
  allow();
  serveImage([`http://${live.host}/layer`], "application/vnd.oci.image.layer.v1.tar+gzip");
  const failure = await rejection(place.store.pull(name, { credentials }));
  assert.is(failure.code, "NOT_FOUND");
  assert.equal(live.seen, []);
});

test.run();

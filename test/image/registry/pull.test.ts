import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LoadProgress } from "../../../src/api.js";
import { type FixtureImage, layerOf, ociLayoutOf, rejection, writeFolder } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { FaultProxy } from "./fault-proxy.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const login = { username: "alice", password: "s3cret:with colon" };
const registry = await DebianRegistry.start();
const locked = await DebianRegistry.start({ login });
const proxy = await FaultProxy.start(registry.host);

const base = layerOf(["etc/os", "one"], ["bin/sh", "shell"]);
const big = layerOf(["data", randomBytes(200_000).toString("hex")]);
const image: FixtureImage = {
  layers: [{ ...base, blob: gzipSync(base.tar), mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }, big],
};
const digest = registry.push(image, "team/app:1");
locked.push(image, "app:1");

const test = suite("pull");
let place: PullStore;
test.before.each(() => {
  place = openPullStore();
  proxy.reset();
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await proxy.stop();
  await registry.stop();
  await locked.stop();
});

test("an image by its tag, with its layers, its digest and every step told", async () => {
  const steps: LoadProgress[] = [];
  const name = `${registry.host}/team/app:1`;
  const pulled = await place.store.pull(name, { onProgress: (step) => steps.push(step) });
  assert.equal(pulled.names, [name]);
  assert.equal(pulled.digests, [`${registry.host}/team/app@${digest}`]);
  const [top = "", bottom = ""] = place.store.layersOf(pulled);
  assert.is(readFileSync(join(bottom, "etc/os"), "utf8"), "one");
  assert.is(readFileSync(join(top, "data"), "utf8").length, 400_000);
  const stages = [...new Set(steps.map(({ stage }) => stage))];
  assert.equal(
    stages.filter((stage) => stage !== "unpack"),
    ["resolve", "found", "download", "ready", "done"],
  );
  const found = steps.find(({ stage }) => stage === "found");
  assert.is(found?.digest, digest);
  assert.is(found?.layers?.length, 2);
  for (const { layer, totalBytes } of found?.layers ?? []) {
    const last = steps.filter((step) => step.stage === "download" && step.layer === layer).at(-1);
    assert.equal([last?.doneBytes, last?.totalBytes], [totalBytes, totalBytes]);
  }
});

test("a second pull asks for the tag alone", async () => {
  const name = `${proxy.host}/team/app:1`;
  const first = await place.store.pull(name);
  proxy.reset();
  assert.equal(await place.store.pull(name), first);
  assert.is(proxy.asked("HEAD", "manifests").length, 1);
  assert.is(proxy.asked("GET", "manifests").length, 0);
  assert.is(proxy.asked("GET", "blobs").length, 0);
});

test("by digest; a tag beside it gives no name", async () => {
  const reference = `${registry.host}/team/app@${digest}`;
  const pulled = await place.store.pull(`${registry.host}/team/app:other@${digest}`);
  assert.equal([pulled.names, pulled.digests], [[], [reference]]);
  assert.is(place.store.inspect(reference).id, pulled.id);
  assert.not(place.store.has(`${registry.host}/team/app:other`));
  const wrong = `${registry.host}/team/app@sha256:${"0".repeat(64)}`;
  assert.is((await rejection(place.store.pull(wrong))).code, "NOT_FOUND");
});

test("two pulls of one image at once fetch each blob once", async () => {
  const name = `${proxy.host}/team/app:1`;
  const [one, other] = await Promise.all([place.store.pull(name), place.store.pull(name)]);
  assert.equal(one, other);
  const blobs = proxy.asked("GET", "blobs").map(({ path }) => path);
  const layers = blobs.filter((path) => image.layers.some((_, index) => path.endsWith(blobNames()[index] ?? "-")));
  assert.is(layers.length, 2);
  assert.is(new Set(layers).size, 2);
});

test("a pull that is given up does not end one that wants the same", async () => {
  const name = `${proxy.host}/team/app:1`;
  const abort = new AbortController();
  proxy.fault = ({ request }) => {
    if (request.path.includes("/blobs/")) abort.abort();
    return false;
  };
  const given = rejection(place.store.pull(name, { signal: abort.signal }));
  const kept = place.store.pull(name);
  assert.is((await given).code, "CANCELLED");
  assert.equal((await kept).names, [name]);
});

test("what a registry does not have, and what it is not", async () => {
  const unknown = await rejection(place.store.pull(`${registry.host}/team/app:2`));
  assert.is(unknown.code, "NOT_FOUND");
  assert.match(unknown.message, /has no team\/app:2/);
  assert.is((await rejection(place.store.pull(`${registry.host}/nobody/nothing`))).code, "NOT_FOUND");
  const nobody = await FaultProxy.start(registry.host);
  await nobody.stop();
  const gone = await rejection(place.store.pull(`${nobody.host}/team/app:1`));
  assert.is(gone.code, "UNAVAILABLE");
  assert.match(gone.message, /nobody listens/);
});

test("an index leads to this host's platform, or to the one that is asked for", async () => {
  const layout = join(place.folder, "layout");
  const host = process.arch === "x64" ? "amd64" : process.arch;
  const other = host === "arm64" ? "amd64" : "arm64";
  const images = [other, host].map((architecture) => ({ layers: [layerOf(["arch", architecture])], architecture }));
  writeFolder(layout, ociLayoutOf(images));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: object[] };
  const manifests = index.manifests.map((descriptor, position) => ({
    ...descriptor,
    platform: { os: "linux", architecture: [other, host][position] },
  }));
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests }),
  );
  writeIndex(layout, bytes);
  registry.pushFrom(`oci:${layout}`, "multi:1", ["--all"]);
  const name = `${registry.host}/multi:1`;
  assert.is((await place.store.pull(name)).architecture, host);
  assert.is((await place.store.pull(name, { platform: `linux/${other}` })).architecture, other);
  const none = await rejection(place.store.pull(name, { platform: "linux/s390x" }));
  assert.is(none.code, "UNSUPPORTED");
  assert.match(none.hint ?? "", new RegExp(`linux/${host}`));
});

test("a single image for another platform is refused unless it is asked for", async () => {
  registry.push({ layers: [layerOf(["a", "b"])], architecture: "riscv64" }, "foreign:1");
  const name = `${registry.host}/foreign:1`;
  const refused = await rejection(place.store.pull(name));
  assert.is(refused.code, "UNSUPPORTED");
  assert.match(refused.hint ?? "", /--platform linux\/riscv64/);
  assert.is((await place.store.pull(name, { platform: "linux/riscv64" })).architecture, "riscv64");
});

test("docker's media types", async () => {
  registry.pushFrom(`docker://${registry.host}/team/app:1`, "docker/app:1", [
    "--src-tls-verify=false",
    "--format",
    "v2s2",
  ]);
  const pulled = await place.store.pull(`${registry.host}/docker/app:1`);
  assert.is(readFileSync(join(place.store.layersOf(pulled)[1] ?? "", "bin/sh"), "utf8"), "shell");
});

test("a registry with a password: without, wrong, given, and of docker's config.json", async () => {
  const name = `${locked.host}/app:1`;
  const without = await rejection(place.store.pull(name));
  assert.is(without.code, "UNAUTHENTICATED");
  assert.match(without.hint ?? "", new RegExp(`granule login ${locked.host}`));
  const wrong = await rejection(place.store.pull(name, { credentials: { ...login, password: "x" } }));
  assert.is(wrong.code, "UNAUTHENTICATED");
  assert.match(wrong.message, /did not accept the credentials of alice/);
  assert.not(wrong.message.includes("s3cret"));
  assert.equal((await place.store.pull(name, { credentials: login })).names, [name]);
  await place.store.remove(name);
  mkdirSync(join(place.home, ".docker"));
  const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
  writeFileSync(
    join(place.home, ".docker/config.json"),
    JSON.stringify({ auths: { [`https://${locked.host}/v1/`]: { auth } } }),
  );
  assert.equal((await place.store.pull(name)).names, [name]);
});

test("what is saved is what was pulled, and load leaves what a pull leaves", async () => {
  const name = `${registry.host}/team/app:1`;
  await place.store.pull(name);
  const archive = join(place.folder, "saved.tar");
  await place.store.save([name], archive);
  using other = openPullStore();
  const [loaded] = await other.store.load(archive);
  assert.equal(loaded, place.store.inspect(name));
  assert.equal(other.blobs(), place.blobs());
  assert.equal(other.layers().sort(), place.layers().sort());
  const again = join(place.folder, "again.tar");
  await other.store.save([name], again);
  assert.ok(readFileSync(again).equals(readFileSync(archive)));
  const digestOf = (source: string): string =>
    execFileSync("skopeo", ["inspect", "--format", "{{.Digest}}", source], { encoding: "utf8" }).trim();
  assert.is(digestOf(`oci-archive:${archive}`), digest);
  assert.match(digestOf(`docker-archive:${archive}`), /^sha256:/);
});

test("a mirror comes first, and the registry itself where the mirror has nothing", async () => {
  const configure = (document: unknown): void =>
    writeFileSync(join(place.home, "registries.json"), JSON.stringify(document));
  configure({ registries: { "images.invalid": { mirrors: [registry.host] } } });
  assert.equal((await place.store.pull("images.invalid/team/app:1")).names, ["images.invalid/team/app:1"]);
  configure({ registries: { [registry.host]: { mirrors: [`${proxy.host}/nothing/here`] } } });
  await place.store.remove("images.invalid/team/app:1");
  assert.equal((await place.store.pull(`${registry.host}/team/app:1`)).names, [`${registry.host}/team/app:1`]);
  assert.ok(
    proxy.seen.some(({ path }) => path.includes("/nothing/here/team/app/")),
    JSON.stringify(proxy.seen),
  );
  configure({ registries: { "old.invalid/apps": { location: `${registry.host}/team` } } });
  assert.ok((await place.store.pull("old.invalid/apps/app:1")).names.includes("old.invalid/apps/app:1"));
  configure({ registries: { "old.invalid": { blocked: true } } });
  assert.is((await rejection(place.store.pull("old.invalid/apps/app:1"))).code, "PERMISSION_DENIED");
});

test("a tag that moves leaves the old image without a name, and prune takes it", async () => {
  const name = `${registry.host}/moving:1`;
  registry.push({ layers: [base] }, "moving:1");
  const old = await place.store.pull(name);
  registry.push({ layers: [big] }, "moving:1");
  const fresh = await place.store.pull(name);
  assert.not(old.id === fresh.id);
  assert.equal(place.store.inspect(old.id).names, []);
  const kept = await place.store.prune({ usedBy: () => ["user"], keep: "granule/base" });
  assert.equal(kept.images, []);
  const pruned = await place.store.prune({ usedBy: () => [], keep: "granule/base" });
  assert.equal(pruned.images, [old.id]);
  assert.ok(pruned.freedBytes > 0);
  assert.equal(place.store.inspect(name).id, fresh.id);
  assert.is(place.layers().length, 1);
});

test("removing an image beside a pull takes nothing that the pull has brought", async () => {
  await place.store.pull(`${registry.host}/team/app:1`);
  const name = `${proxy.host}/team/app:1`;
  let removed: Promise<unknown> | undefined;
  proxy.fault = async ({ request }) => {
    if (request.method === "HEAD") return false;
    removed ??= place.store.remove(`${registry.host}/team/app:1`);
    await removed;
    return false;
  };
  const pulled = await place.store.pull(name);
  assert.ok(removed === undefined || (await removed));
  assert.equal(
    (await place.store.verify(name)).map(({ ok }) => ok),
    [true],
  );
  assert.is(place.store.layersOf(pulled).length, 2);
});

test("verify finds what has changed on the disk", async () => {
  const name = `${registry.host}/team/app:1`;
  const pulled = await place.store.pull(name);
  assert.equal(await place.store.verify(), [{ id: pulled.id, names: [name], ok: true, problems: [] }]);
  const [top = ""] = place.store.layersOf(pulled);
  const path = join(top, "data");
  const { atime, mtime } = statSync(path);
  const data = readFileSync(path);
  data[5] = 0;
  writeFileSync(path, data);
  utimesSync(path, atime, mtime);
  const [changed] = await place.store.verify(name);
  assert.is(changed?.ok, false);
  assert.match(changed?.problems[0] ?? "", /layer sha256:.*\/data has other content/);
  const blob = place.store.inspect(name).id.slice(7);
  writeFileSync(join(place.root, "blobs/sha256", blob), "{}");
  assert.match((await place.store.verify(name))[0]?.problems.join() ?? "", /blob sha256:[0-9a-f]+ is damaged/);
});

function blobNames(): string[] {
  const paths = new Set(proxy.asked("GET", "blobs").map(({ path }) => path));
  return [...paths].slice(-2).map((path) => path.slice(path.lastIndexOf("/")));
}

function writeIndex(layout: string, bytes: Buffer): void {
  const name = execFileSync("sha256sum", { input: bytes, encoding: "utf8" }).slice(0, 64);
  writeFileSync(join(layout, "blobs/sha256", name), bytes);
  const descriptor = {
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: `sha256:${name}`,
    size: bytes.length,
  };
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
}

test.run();

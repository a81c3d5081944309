import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layerOf, rejection } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { ForwardProxy } from "./forward-proxy.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const folder = mkdtempSync(join(tmpdir(), "granule-proxy-"));
const certificate = { certificate: join(folder, "server.crt"), key: join(folder, "server.key") };
const subject = ["-subj", "/CN=secure.test", "-addext", "subjectAltName=DNS:secure.test"];
execFileSync(
  "openssl",
  ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    .concat(["-keyout", certificate.key, "-out", certificate.certificate])
    .concat(subject),
  { stdio: "ignore" },
);
const login = { username: "alice", password: "secret" };
const clear = await DebianRegistry.start({ login });
const secure = await DebianRegistry.start({ tls: certificate });
clear.push({ layers: [layerOf(["a", "clear"])] }, "app:1");
secure.push({ layers: [layerOf(["a", "secure"])] }, "app:1");
const proxy = await ForwardProxy.start();
// Names that no resolver knows: whoever reaches them went by the proxy.
proxy.routes.set("clear.test:5000", clear.host);
proxy.routes.set("secure.test:443", secure.host);

const test = suite("pull through a proxy");
let place: PullStore;
test.before.each(() => {
  proxy.seen.length = 0;
  proxy.authorization = undefined;
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await Promise.all([clear.stop(), secure.stop(), proxy.stop()]);
  rmSync(folder, { recursive: true });
});

/** A store whose environment has these variables. */
function openWith(variables: NodeJS.ProcessEnv): void {
  const home = mkdtempSync(join(folder, "home-"));
  place = openPullStore({ environment: { HOME: home, PATH: process.env["PATH"], ...variables } });
  const trusted = join(place.home, "certs.d/secure.test");
  mkdirSync(trusted, { recursive: true });
  execFileSync("cp", [certificate.certificate, join(trusted, "ca.crt")]);
}

test("a registry with TLS is reached by a tunnel, and its certificate is checked at its end", async () => {
  openWith({ https_proxy: proxy.url });
  assert.equal((await place.store.pull("secure.test/app:1")).names, ["secure.test/app:1"]);
  assert.ok(proxy.seen.length > 0);
  for (const { method, host } of proxy.seen) assert.equal([method, host], ["CONNECT", "secure.test:443"]);
  rmSync(join(place.home, "certs.d"), { recursive: true });
  assert.is((await rejection(place.store.pull("secure.test/app:1"))).code, "FAILED_PRECONDITION");
});

test("a registry in the clear has its requests passed on, with its own credentials and no tunnel", async () => {
  openWith({ http_proxy: proxy.url, https_proxy: proxy.url });
  const name = "clear.test:5000/app:1";
  assert.equal((await place.store.pull(name, { insecure: true, credentials: login })).names, [name]);
  // Whether it speaks TLS is tried first.
  assert.is(proxy.seen[0]?.method, "CONNECT");
  assert.ok(proxy.seen.length > 3);
  for (const { method, host } of proxy.seen.slice(1))
    assert.ok(method !== "CONNECT" && host === "clear.test:5000", method);
});

test("a proxy with a password gets it of its address, and the registry does not", async () => {
  proxy.authorization = `Basic ${Buffer.from("bob:pass word").toString("base64")}`;
  const url = new URL(proxy.url);
  [url.username, url.password] = ["bob", "pass word"];
  openWith({ https_proxy: url.href });
  assert.equal((await place.store.pull("secure.test/app:1")).names, ["secure.test/app:1"]);
  place[Symbol.dispose]();
  openWith({ https_proxy: proxy.url });
  const failure = await rejection(place.store.pull("secure.test/app:1"));
  assert.is(failure.code, "UNAVAILABLE");
  assert.match(failure.message, /the proxy 127.0.0.1:\d+ answered 407 where secure.test was asked for/);
  assert.match(failure.hint ?? "", /user:password@host/);
});

test("what no_proxy names is not asked for through it, and fails where no resolver knows it", async () => {
  openWith({ https_proxy: proxy.url, no_proxy: ".test" });
  assert.match((await rejection(place.store.pull("secure.test/app:1"))).message, /name secure.test cannot be resolved/);
  assert.equal(proxy.seen, []);
});

test("a proxy that does not know the host, and one that is not there", async () => {
  openWith({ https_proxy: proxy.url });
  const unknown = await rejection(place.store.pull("elsewhere.test/app:1"));
  assert.match(unknown.message, /the proxy 127.0.0.1:\d+ answered 502 where elsewhere.test was asked for/);
  place[Symbol.dispose]();
  const gone = await ForwardProxy.start();
  await gone.stop();
  openWith({ https_proxy: gone.url });
  const failure = await rejection(place.store.pull("secure.test/app:1"));
  assert.is(failure.code, "UNAVAILABLE");
  assert.match(failure.message, new RegExp(`proxy.*${new URL(gone.url).host}`));
});

test.run();

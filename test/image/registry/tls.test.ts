import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layerOf, rejection } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { openPullStore, type PullStore } from "./pull-store.js";

const folder = mkdtempSync(join(tmpdir(), "granule-tls-"));
const at = (name: string): string => join(folder, name);
makeCertificates();
const tls = { certificate: at("server.crt"), key: at("server.key") };
const registry = await DebianRegistry.start({ tls });
const strict = await DebianRegistry.start({ tls: { ...tls, clientAuthority: at("ca.crt") } });
registry.push({ layers: [layerOf(["a", "b"])] }, "app:1");

const test = suite("TLS by certs.d");
let place: PullStore;
test.before.each(() => {
  place = openPullStore();
});
test.after.each(() => place[Symbol.dispose]());
test.after(async () => {
  await registry.stop();
  await strict.stop();
  rmSync(folder, { recursive: true });
});

function certificates(host: string, files: Record<string, string>): void {
  const target = join(place.home, "certs.d", host);
  mkdirSync(target, { recursive: true });
  for (const [name, source] of Object.entries(files)) execFileSync("cp", [at(source), join(target, name)]);
}

test("a certificate that nobody vouches for is refused, with what mends it", async () => {
  const failure = await rejection(place.store.pull(`${registry.host}/app:1`));
  assert.is(failure.code, "FAILED_PRECONDITION");
  assert.match(failure.message, /certificate of 127.0.0.1:\d+ is not trusted: its authority/);
  assert.match(failure.hint ?? "", new RegExp(`certs.d/${registry.host}/ca.crt`));
});

test("the authority in the host's folder makes it trusted", async () => {
  certificates(registry.host, { "ca.crt": "ca.crt" });
  assert.equal((await place.store.pull(`${registry.host}/app:1`)).names, [`${registry.host}/app:1`]);
});

test("another authority does not", async () => {
  certificates(registry.host, { "ca.crt": "other.crt" });
  assert.is((await rejection(place.store.pull(`${registry.host}/app:1`))).code, "FAILED_PRECONDITION");
});

test("insecure takes any certificate", async () => {
  assert.equal((await place.store.pull(`${registry.host}/app:1`, { insecure: true })).names, [
    `${registry.host}/app:1`,
  ]);
});

test("a registry that asks for the client's certificate gets it", async () => {
  certificates(strict.host, { "ca.crt": "ca.crt" });
  assert.is((await rejection(place.store.pull(`${strict.host}/app:1`))).code, "UNAVAILABLE");
  certificates(strict.host, { "client.cert": "client.crt", "client.key": "client.key" });
  const answered = await rejection(place.store.pull(`${strict.host}/nothing:1`));
  assert.is(answered.code, "NOT_FOUND");
  rmSync(join(place.home, "certs.d", strict.host, "client.key"));
  const half = await rejection(place.store.pull(`${strict.host}/nothing:1`));
  assert.is(half.code, "FAILED_PRECONDITION");
  assert.match(half.message, /client.key is missing beside/);
});

function makeCertificates(): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const openssl = (args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  for (const name of ["ca", "other"]) {
    openssl([
      "req",
      "-x509",
      ...key,
      "-keyout",
      at(`${name}.key`),
      "-out",
      at(`${name}.crt`),
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    ]);
  }
  writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    openssl(["req", ...key, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", `/CN=${name}`]);
    const signing = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names")];
    openssl(["x509", "-req", "-in", at(`${name}.csr`), ...signing, "-out", at(`${name}.crt`), "-days", "2"]);
  }
}

test.run();

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eraseCredentials, findCredentials, storeCredentials } from "../../../src/image/registry/credentials.js";
import { registryDomain } from "../../../src/image/registry/login.js";
import { rejection } from "../fixture.js";

const test = suite("registry credentials");
let home: string;
let environment: NodeJS.ProcessEnv;
test.before.each(() => {
  home = mkdtempSync(join(tmpdir(), "granule-home-"));
  mkdirSync(join(home, "bin"));
  environment = { HOME: home, PATH: `${join(home, "bin")}:${process.env["PATH"] ?? ""}` };
});
test.after.each(() => rmSync(home, { recursive: true }));

const encoded = (text: string): string => Buffer.from(text).toString("base64");

function write(path: string, document: unknown): void {
  mkdirSync(join(home, path, ".."), { recursive: true });
  writeFileSync(join(home, path), JSON.stringify(document));
}

/** A credential helper that keeps one entry in a file. */
function helper(name: string): void {
  const path = join(home, "bin", `docker-credential-${name}`);
  writeFileSync(
    path,
    `#!/bin/sh
store="${home}/${name}.store"
case $1 in
  get) read server; if [ -e "$store" ]; then cat "$store"; else echo "credentials not found in native keychain"; exit 1; fi;;
  store) cat > "$store";;
  erase) rm "$store";;
esac
`,
  );
  chmodSync(path, 0o755);
}

test("docker's config.json, by every form of its keys", async () => {
  const auth = { auth: encoded("ann:pw:with colon") };
  for (const key of [
    "r.example:5000",
    "https://r.example:5000",
    "https://r.example:5000/v1/",
    "http://r.example:5000/v2/",
  ]) {
    write(".docker/config.json", { auths: { [key]: auth } });
    assert.equal(await findCredentials("r.example:5000", "app", environment), {
      username: "ann",
      password: "pw:with colon",
    });
    assert.is(await findCredentials("r.example", "app", environment), undefined);
  }
  write(".docker/config.json", { auths: { "https://index.docker.io/v1/": { ...auth, identitytoken: "it" } } });
  assert.equal(await findCredentials("docker.io", "library/debian", environment), { identityToken: "it" });
});

test("DOCKER_CONFIG, REGISTRY_AUTH_FILE and podman's auth.json, the longest path first", async () => {
  write("elsewhere/config.json", { auths: { "r.example": { auth: encoded("a:1") } } });
  const moved = { ...environment, DOCKER_CONFIG: join(home, "elsewhere") };
  assert.equal(await findCredentials("r.example", "app", moved), { username: "a", password: "1" });
  write("run/containers/auth.json", {
    auths: { "r.example": { auth: encoded("all:1") }, "r.example/team": { auth: encoded("team:2") } },
  });
  const podman = { ...environment, XDG_RUNTIME_DIR: join(home, "run") };
  assert.equal(await findCredentials("r.example", "team/app", podman), { username: "team", password: "2" });
  assert.equal(await findCredentials("r.example", "teamwork", podman), { username: "all", password: "1" });
  const file = { ...environment, REGISTRY_AUTH_FILE: join(home, "run/containers/auth.json") };
  assert.equal(await findCredentials("r.example", "x", file), { username: "all", password: "1" });
});

test("helpers: of one registry, of all, with a token, and without an entry", async () => {
  helper("safe");
  write(".docker/config.json", { credsStore: "safe", auths: { "r.example": { auth: encoded("file:1") } } });
  assert.equal(await findCredentials("r.example", "app", environment), { username: "file", password: "1" });
  assert.is(
    await storeCredentials("r.example", { username: "eve", password: "2" }, environment),
    "docker-credential-safe",
  );
  assert.equal(await findCredentials("r.example", "app", environment), { username: "eve", password: "2" });
  assert.not(readFileSync(join(home, ".docker/config.json"), "utf8").includes("eve"));
  await storeCredentials("r.example", { identityToken: "tok" }, environment);
  assert.equal(await findCredentials("r.example", "app", environment), { identityToken: "tok" });
  assert.ok(await eraseCredentials("r.example", environment));
  assert.is(await findCredentials("r.example", "app", environment), undefined);
  assert.not(await eraseCredentials("r.example", environment));
});

test("a helper that is missing, fails or is no name is told", async () => {
  write(".docker/config.json", { credHelpers: { "r.example": "absent" } });
  const absent = await rejection(findCredentials("r.example", "app", environment));
  assert.match(absent.message, /docker-credential-absent failed: there is no such program/);
  writeFileSync(join(home, "bin/docker-credential-broken"), "#!/bin/sh\necho locked >&2; exit 3\n");
  chmodSync(join(home, "bin/docker-credential-broken"), 0o755);
  write(".docker/config.json", { credHelpers: { "r.example": "broken" } });
  assert.match((await rejection(findCredentials("r.example", "app", environment))).message, /failed: locked/);
  write(".docker/config.json", { credHelpers: { "r.example": "../../bin/sh" } });
  assert.match((await rejection(findCredentials("r.example", "app", environment))).message, /not one of a program/);
});

test("what is stored is readable to its owner alone, and leaves the rest of the file", async () => {
  write(".docker/config.json", { proxies: { default: {} }, auths: { "other.example": { auth: encoded("o:1") } } });
  const path = await storeCredentials("docker.io", { username: "me", password: "pw" }, environment);
  assert.is(path, join(home, ".docker/config.json"));
  assert.is(statSync(path).mode & 0o077, 0);
  assert.equal(JSON.parse(readFileSync(path, "utf8")), {
    proxies: { default: {} },
    auths: { "other.example": { auth: encoded("o:1") }, "https://index.docker.io/v1/": { auth: encoded("me:pw") } },
  });
  assert.ok(await eraseCredentials("docker.io", environment));
  assert.equal((JSON.parse(readFileSync(path, "utf8")) as { auths: object }).auths, {
    "other.example": { auth: encoded("o:1") },
  });
});

test("a broken file is told, without what stands in it", async () => {
  mkdirSync(join(home, ".docker"));
  writeFileSync(join(home, ".docker/config.json"), "{secret");
  const failure = await rejection(findCredentials("r.example", "app", environment));
  assert.is(failure.code, "INVALID_ARGUMENT");
  assert.not(failure.message.includes("secret"));
});

test("a registry as people name it", () => {
  assert.is(registryDomain("r.example:5000"), "r.example:5000");
  assert.is(registryDomain("https://r.example/v2/"), "r.example");
  assert.is(registryDomain("localhost"), "localhost");
  assert.is(registryDomain("myhost"), "myhost");
  assert.is(registryDomain("index.docker.io"), "docker.io");
  for (const bad of ["", "a b", "-x"]) assert.throws(() => registryDomain(bad), /invalid registry/);
});

test.run();

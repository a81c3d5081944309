import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/channel/connect.js";
import { layerOf, rejection } from "../image/fixture.js";
import { DebianRegistry } from "../image/registry/debian-registry.js";
import { FaultProxy } from "../image/registry/fault-proxy.js";
import { CliHome, mainPath, result } from "./cli-home.js";

const users = mkdtempSync(join(tmpdir(), "granule-user-"));
const login = { username: "dave", password: "open sesame" };
const registry = await DebianRegistry.start();
const locked = await DebianRegistry.start({ login });
const proxy = await FaultProxy.start(registry.host);
const base = { tar: readFileSync(fileURLToPath(new URL("../../../build/base.tar", import.meta.url))) };
const image = {
  layers: [base, layerOf(["etc/greeting", "hello"])],
  config: { Cmd: ["cat", "/etc/greeting"], Env: ["PATH=/bin"] },
};
const digest = registry.push(image, "app:1");
locked.push({ layers: [base, layerOf(["a", "b"])] }, "app:1");
const name = `${proxy.host}/app:1`;

const home = await CliHome.open();
home.env["HOME"] = users;
const test = suite("pull on the command line");
test.before.each(() => proxy.reset());
test.after(async () => {
  await home.close();
  await proxy.stop();
  await registry.stop();
  await locked.stop();
  rmSync(users, { recursive: true });
});

test("piped: a line a step on stderr, the result on stdout", async () => {
  const pull = await home.run(["pull", name]);
  assert.is(pull.code, 0, pull.stderr);
  assert.is(pull.stdout, `${name} is here now: ${digest}\n`);
  const lines = pull.stderr.split("\n");
  assert.is(lines[0], `found ${digest}`);
  assert.ok(
    lines.some((line) => /^[0-9a-f]{12}: downloading \(.*B\)$/.test(line)),
    pull.stderr,
  );
  assert.is(lines.filter((line) => /^[0-9a-f]{12}: ready$/.test(line)).length, 2);
  assert.not(pull.stderr.includes("\u001b"));
  assert.is((await home.run(["pull", name])).stdout, `${name} is up to date: ${digest}\n`);
});

test("-q prints nothing", async () => {
  assert.equal(await home.run(["pull", "-q", name]), { code: 0, stdout: "", stderr: "" });
});

test("on a terminal: a bar a layer, no wider than it", async () => {
  assert.is((await home.run(["images", "prune", "-a"])).code, 0);
  const terminal = home.terminal(`stty rows 24 cols 60; ${process.execPath} ${mainPath} pull ${name}`);
  proxy.fault = async ({ request, response, upstream }) => {
    if (!request.path.includes("/blobs/")) return false;
    const { status, headers, body } = await upstream();
    response.writeHead(status, headers);
    // The large layer comes in two halves, and the second once the first is seen.
    const half = body.length > 100_000 ? body.length >> 1 : 0;
    response.write(body.subarray(0, half));
    if (half > 0) await terminal.shows(" KiB / ");
    response.end(body.subarray(half));
    return true;
  };
  assert.is(await terminal.exit(), 0, terminal.shown);
  const plain = stripVTControlCharacters(terminal.shown);
  assert.match(plain, /downloading +\[=*>/);
  assert.match(plain, /ready/);
  const rows = plain.split(/\r?\n/).filter((line) => /^[0-9a-f]{12} {2}/.test(line));
  assert.ok(rows.length >= 2, plain);
  for (const row of rows) assert.ok(row.length <= 60, row);
});

test("two command lines at once fetch each blob once", async () => {
  assert.is((await home.run(["images", "prune", "-a"])).code, 0);
  proxy.reset();
  const pulls = await Promise.all([1, 2].map(() => home.run(["pull", "-q", name])));
  assert.equal(
    pulls.map(({ code }) => code),
    [0, 0],
  );
  const layers = proxy.asked("GET", "blobs").map(({ path }) => path);
  for (const path of new Set(layers)) {
    // The configuration is a document: each of the two may look it up.
    const most = path === layers[0] ? 2 : 1;
    assert.ok(layers.filter((one) => one === path).length <= most, layers.join("\n"));
  }
});

test("run fetches what is missing, with docker's policies", async () => {
  assert.is((await home.run(["images", "prune", "-a"])).code, 0);
  const never = await home.run(["run", "--rm", "--pull", "never", name]);
  assert.is(never.code, 125);
  assert.match(never.stderr, /no such image/);
  const missing = await home.run(["run", "--rm", name]);
  assert.is(missing.code, 0, missing.stderr);
  assert.is(missing.stdout, "hello");
  proxy.reset();
  assert.is((await home.run(["run", "--rm", name])).stdout, "hello");
  assert.is(proxy.seen.length, 0);
  assert.is((await home.run(["run", "--rm", "--pull", "always", "-q", name])).stdout, "hello");
  assert.ok(proxy.asked("HEAD", "manifests").length > 0);
  const unknown = await home.run(["run", "--rm", `${proxy.host}/nothing`]);
  assert.is(unknown.code, 125);
  assert.match(unknown.stderr, /there is no image '127.*nothing' on this host, and 127.*has no nothing:latest/);
});

test("login is checked before it is kept; logout forgets it", async () => {
  const wrong = await home.run(["login", locked.host, "-u", "dave", "--password-stdin"], "guess");
  assert.is(wrong.code, 1);
  assert.match(wrong.stderr, /did not accept the credentials of dave/);
  assert.match((await home.run(["pull", `${locked.host}/app:1`])).stderr, /hint: run `granule login 127/);
  const right = await home.run(["login", locked.host, "-u", "dave", "--password-stdin"], `${login.password}\n`);
  assert.is(right.code, 0, right.stderr);
  assert.match(right.stdout, /logged in to 127.*; the credentials are in .*\.docker\/config\.json/);
  assert.is((await home.run(["pull", "-q", `${locked.host}/app:1`])).code, 0);
  assert.match((await home.run(["logout", locked.host])).stdout, /logged out of/);
  assert.match((await home.run(["logout", locked.host])).stdout, /there was no login/);
});

test("a password typed at a terminal is not shown", async () => {
  const terminal = home.terminal(`${process.execPath} ${mainPath} login ${locked.host}`);
  await terminal.shows("Username for");
  terminal.type("dave\r");
  await terminal.shows("Password of dave");
  terminal.type(`${login.password}\r`);
  assert.is(await terminal.exit(), 0, terminal.shown);
  assert.match(terminal.shown, "logged in to");
  assert.not(terminal.shown.includes(login.password));
  await home.run(["logout", locked.host]);
});

test("save to stdout and a file, load, tag, verify, inspect --image", async () => {
  const archive = join(home.root, "saved.tar");
  assert.is((await home.run(["save", "-o", archive, name])).code, 0);
  const saved = await home.run(["save", name]);
  assert.is(saved.code, 0, saved.stderr);
  assert.ok(saved.stdout.includes("oci-layout"));
  assert.is((await home.run(["tag", name, "local/copy:2"])).code, 0);
  const [shown] = JSON.parse((await home.run(["inspect", "--image", "local/copy:2"])).stdout) as { names: string[] }[];
  assert.equal(shown?.names, [name, "local/copy:2"].sort());
  assert.is((await home.run(["rmi", name, "local/copy:2"])).code, 0);
  assert.match((await home.run(["load", "-q", "-i", archive])).stdout, `Loaded ${name}`);
  const verify = await home.run(["images", "verify", name]);
  assert.equal([verify.code, verify.stdout], [0, `ok        ${name}\n`]);
});

test("export gives what import makes an image of", async () => {
  const made = await home.run([
    "run",
    "--name",
    "exported",
    name,
    "sh",
    "-c",
    "echo mine > /etc/mine; rm /etc/greeting",
  ]);
  assert.is(made.code, 0, made.stderr);
  const archive = join(home.root, "root.tar");
  assert.is((await home.run(["export", "-o", archive, "exported"])).code, 0);
  assert.is((await home.run(["import", "-q", archive, "local/exported:1"])).code, 0);
  const run = await home.run(["run", "--rm", "local/exported:1", "/bin/sh", "-c", "cat /etc/mine; ls /etc/greeting"]);
  assert.is(run.stdout, "mine\n");
  assert.is(run.code, 1);
  assert.is((await home.run(["rm", "exported"])).code, 0);
});

test("an interrupted command ends the pull in the owner", async () => {
  assert.is((await home.run(["images", "prune", "-a"])).code, 0);
  const pull = home.start(["pull", name]);
  const ended = result(pull);
  const gone = new Promise<void>((resolve) => {
    proxy.fault = ({ request, response }) => {
      if (!request.path.includes("/blobs/")) return false;
      response.writeHead(200).write("x");
      response.on("close", resolve);
      pull.kill("SIGINT");
      return true;
    };
  });
  await gone;
  assert.not((await ended).code === 0);
});

test("the library over the channel: progress, an abort, and the error's parts", async () => {
  await using runtime = await connect(`unix:${home.root}/run/granule.sock`);
  const stages: string[] = [];
  const pulled = await runtime.images.pull(name, { onProgress: ({ stage }) => stages.push(stage) });
  assert.equal(pulled.names, [name]);
  assert.equal([stages[0], stages.at(-1)], ["resolve", "done"]);
  assert.equal(await runtime.images.verify(name), [{ id: pulled.id, names: [name], ok: true, problems: [] }]);
  const failure = await rejection(runtime.images.pull(`${proxy.host}/app:none`));
  assert.is(failure.code, "NOT_FOUND");
  const abort = new AbortController();
  proxy.fault = () => {
    abort.abort();
    return true;
  };
  assert.is((await rejection(runtime.images.pull(name, { signal: abort.signal }))).code, "CANCELLED");
  await runtime.images.save([pulled.id], join(home.root, "by-channel.tar"));
  assert.ok(readFileSync(join(home.root, "by-channel.tar")).length > 0);
});

test.run();

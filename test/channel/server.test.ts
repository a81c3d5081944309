import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/channel/connect.js";
import { serveChannel } from "../../src/channel/server.js";
import type { GranuleError } from "../../src/errors.js";
import { FakeRuntime } from "./fake-runtime.js";
import { RawClient } from "./raw-client.js";
import { served } from "./served.js";

const test = suite("channel server");

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: GranuleError) => error.code,
  );
}

test("the socket is 0660, one server's, and gone with it", async () => {
  await using s = await served();
  const path = s.server.path;
  assert.is(statSync(path).mode & 0o777, 0o660);
  assert.is(await codeOf(serveChannel(new FakeRuntime(), { path })), "ALREADY_EXISTS");
  await s.client.info();
  await s.server.close({ graceMs: 0 });
  assert.not(existsSync(path));
  assert.is(await codeOf(connect(s.url)), "UNAVAILABLE");
});

test("a stale socket is replaced", async () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-stale-"));
  const path = join(folder, "s.sock");
  const bound = createServer().listen(join(folder, "old"));
  await once(bound, "listening");
  // Hard links outlive the name that libuv removes, as a killed server's socket does.
  const { linkSync } = await import("node:fs");
  linkSync(join(folder, "old"), path);
  bound.close();
  await once(bound, "close");
  const server = await serveChannel(new FakeRuntime(), { path });
  const client = await connect(`unix:${path}`);
  await client.info();
  await client.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

test("a path that cannot be a socket is an error with the path", async () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-bad-"));
  writeFileSync(join(folder, "file"), "");
  assert.is(await codeOf(serveChannel(new FakeRuntime(), { path: join(folder, "x".repeat(120)) })), "INVALID_ARGUMENT");
  assert.is(await codeOf(serveChannel(new FakeRuntime(), { path: join(folder, "none", "s") })), "UNAVAILABLE");
  rmSync(folder, { recursive: true });
});

test("what is no WebSocket of ours is turned away at the HTTP door", async () => {
  await using s = await served();
  const plain = request({ socketPath: s.server.path, path: "/" }).end();
  const [response] = await once(plain, "response");
  response.resume();
  assert.is(response.statusCode, 426);
  const other = await RawClient.open(s.url, ["soap"]).catch((error: Error) => error);
  assert.match((other as Error).message, "400");
  const silent = await RawClient.open(s.url, []);
  assert.is((await silent.ask(1, "runtime.info"))[0], 2);
  silent.socket.close();
});

test("who connects and says nothing is cut off", async () => {
  await using s = await served({ limits: { handshakeMs: 50 } });
  const silent = connectSocket(s.server.path);
  silent.on("error", () => {});
  silent.resume();
  await once(silent, "close");
  await s.client.info();
});

test("the hello names version, role, limits and methods", async () => {
  await using s = await served({ role: "reader", limits: { maxStreams: 3 } });
  const raw = await RawClient.open(s.url);
  const hello = raw.frames[0]?.[1] as unknown as Record<string, unknown>;
  assert.is(hello["protocol"], "granule.v1");
  assert.is(hello["version"], "0.0.0-fake");
  assert.is(hello["role"], "reader");
  assert.is((hello["limits"] as { maxStreams: number }).maxStreams, 3);
  assert.ok((hello["methods"] as string[]).includes("containers.list"));
  assert.not((hello["methods"] as string[]).includes("containers.run"));
  raw.socket.close();
});

test("a server that closes says so, finishes what is in flight and takes nothing new", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const raw = await RawClient.open(s.url);
  raw.send([1, 1, "containers.wait", { id }]);
  await raw.ask(2, "runtime.info");
  const closing = s.server.close({ graceMs: 10_000, reason: "upgrade" });
  assert.equal(await raw.until((frame) => frame[0] === 10), [10, "upgrade"]);
  const refused = await raw.ask(3, "runtime.info");
  assert.is((refused[2] as { code: string }).code, "UNAVAILABLE");
  s.runtime.find(id).stopped.resolve({ code: 3, oomKilled: false });
  assert.equal(await raw.until((frame) => frame[0] === 2 && frame[1] === 1), [2, 1, { code: 3, oomKilled: false }]);
  assert.equal(await raw.closed, { code: 1001, reason: "upgrade" });
  await closing;
});

test("an idle server leaves once nobody is connected and nothing needs it", async () => {
  let busy = true;
  let asked = 0;
  let left: () => void = () => {};
  const idle = new Promise<void>((resolve) => (left = resolve));
  const s = await served({
    idle: {
      afterMs: 10,
      busy: () => {
        asked++;
        return busy;
      },
      onIdle: () => left(),
    },
  });
  const askedBefore = asked;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.is(asked, askedBefore);
  await s.client.close();
  const keepAlive = setInterval(() => {
    if (asked >= askedBefore + 2) busy = false;
  }, 1);
  await idle;
  clearInterval(keepAlive);
  assert.ok(asked >= askedBefore + 3);
  await s[Symbol.asyncDispose]();
});

test("an address that is none is refused with what would be one", async () => {
  for (const url of ["http://x", "unix:relative", "unix:/a:b"]) {
    assert.is(await codeOf(connect(url)), "INVALID_ARGUMENT");
  }
  assert.is(await codeOf(connect("unix:/nonexistent/s.sock", { signal: AbortSignal.abort() })), "CANCELLED");
});

test("a server that never greets is given up", async () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-mute-"));
  const mute = createServer();
  mute.on("upgrade", () => {});
  mute.listen(join(folder, "s"));
  await once(mute, "listening");
  assert.is(await codeOf(connect(`unix:${join(folder, "s")}`, { timeoutMs: 30 })), "UNAVAILABLE");
  mute.closeAllConnections();
  mute.close();
  rmSync(folder, { recursive: true });
});

test.run();

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Frame } from "../../src/channel/frames.js";
import type { AuditEntry } from "../../src/channel/principal.js";
import { serveChannel } from "../../src/channel/server.js";
import { GranuleError } from "../../src/errors.js";
import { CallStore } from "../../src/state/call-store.js";
import { openDatabase } from "../../src/state/database.js";
import { FakeRuntime } from "./fake-runtime.js";
import { RawClient } from "./raw-client.js";
import { served, until } from "./served.js";

const test = suite("idempotency keys");

const options = { image: "app:1", env: ["A=b"] };

function code(frame: Frame): string {
  assert.is(frame[0], 3, JSON.stringify(frame));
  return (frame[2] as { code: string }).code;
}

test("a repeated call is done once, on any connection, and its answer says so", async () => {
  const entries: AuditEntry[] = [];
  await using s = await served({ audit: (entry) => entries.push(entry) });
  const raw = await RawClient.open(s.url);
  const first = await raw.ask(1, "containers.create", options, { idempotencyKey: "k" });
  assert.equal(first, [2, 1, { id: "c1" }]);
  const other = await RawClient.open(s.url);
  const again = await other.ask(9, "containers.create", { ...options, newer: 1 }, { idempotencyKey: "k" });
  assert.equal(again, [2, 9, { id: "c1" }, { replayed: true }]);
  assert.is(s.runtime.all.size, 1);
  assert.equal(
    entries.map(({ outcome, replayed }) => [outcome, replayed]),
    [
      ["OK", undefined],
      ["OK", true],
    ],
  );
  await raw.ask(2, "containers.create", options, { idempotencyKey: "l" });
  assert.is(s.runtime.all.size, 2);
  for (const client of [raw, other]) client.socket.close();
});

test("a key belongs to one call", async () => {
  await using s = await served();
  const raw = await RawClient.open(s.url);
  await raw.ask(1, "containers.create", options, { idempotencyKey: "k" });
  assert.is(code(await raw.ask(2, "containers.create", { image: "b" }, { idempotencyKey: "k" })), "INVALID_ARGUMENT");
  assert.is(code(await raw.ask(3, "containers.run", options, { idempotencyKey: "k" })), "INVALID_ARGUMENT");
  assert.is(s.runtime.all.size, 1);
  raw.socket.close();
});

test("a repetition waits for the call that is under way, and survives its connection", async () => {
  await using s = await served();
  const gates: (() => void)[] = [];
  s.runtime.containers.create = async (given) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return s.runtime.add(given);
  };
  const lost = await RawClient.open(s.url);
  lost.send([1, 1, "containers.create", options, { idempotencyKey: "k" }]);
  await until(() => gates.length === 1);
  lost.socket.terminate();
  await until(() => s.server.connections === 1);
  const raw = await RawClient.open(s.url);
  const answer = raw.ask(1, "containers.create", options, { idempotencyKey: "k" });
  await raw.ask(2, "channel.ping");
  gates[0]?.();
  assert.equal(await answer, [2, 1, { id: "c1" }, { replayed: true }]);
  assert.is(gates.length, 1);
  raw.socket.close();
});

test("a failure that would come again is remembered, one that may pass is not", async () => {
  await using s = await served();
  const raw = await RawClient.open(s.url);
  let calls = 0;
  s.runtime.containers.create = async () => {
    calls++;
    const passing = { retryable: calls === 1 };
    throw new GranuleError(calls === 1 ? "UNAVAILABLE" : "ALREADY_EXISTS", `failure ${calls}`, passing);
  };
  const ask = (id: number): Promise<Frame> => raw.ask(id, "containers.create", options, { idempotencyKey: "k" });
  assert.is(code(await ask(1)), "UNAVAILABLE");
  assert.is(code(await ask(2)), "ALREADY_EXISTS");
  const replayed = await ask(3);
  assert.is(code(replayed), "ALREADY_EXISTS");
  assert.equal(replayed[3], { replayed: true });
  assert.is(calls, 2);
  raw.socket.close();
});

test("an exec is not run again, since its streams went to another", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create(options);
  const raw = await RawClient.open(s.url);
  const exec = { id, command: ["cat"] };
  await raw.ask(1, "containers.exec", exec, { idempotencyKey: "k" });
  assert.is(code(await raw.ask(2, "containers.exec", exec, { idempotencyKey: "k" })), "FAILED_PRECONDITION");
  assert.is(s.runtime.find(id).calls.length, 1);
  raw.socket.close();
});

test("a load with progress is remembered by its images", async () => {
  await using s = await served();
  let loads = 0;
  s.runtime.images.load = async () => {
    loads++;
    return [s.runtime.image];
  };
  const raw = await RawClient.open(s.url);
  const params = { path: "/a.tar", progress: true };
  const opened = await raw.ask(1, "images.load", params, { idempotencyKey: "k" });
  await raw.until((frame) => frame[0] === 7 && frame[1] === (opened[2] as { subscription: number }).subscription);
  const again = await raw.ask(2, "images.load", params, { idempotencyKey: "k" });
  assert.equal(again, [2, 2, { images: [s.runtime.image] }, { replayed: true }]);
  assert.is(loads, 1);
  raw.socket.close();
});

test("a container made for a caller that gave up is removed again", async () => {
  const entries: AuditEntry[] = [];
  await using s = await served({ audit: (entry) => entries.push(entry) });
  const gates: (() => void)[] = [];
  s.runtime.containers.run = async (given) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return s.runtime.add(given);
  };
  const raw = await RawClient.open(s.url);
  raw.send([1, 1, "containers.run", options]);
  raw.send([1, 2, "containers.run", options, { deadlineMs: 5 }]);
  raw.send([1, 3, "containers.run", options, { idempotencyKey: "k" }]);
  await until(() => gates.length === 3);
  raw.send([4, 1]);
  raw.send([4, 3]);
  assert.is(code(await raw.until((frame) => frame[0] === 3 && frame[1] === 2)), "DEADLINE_EXCEEDED");
  await raw.until((frame) => frame[0] === 3 && frame[1] === 3);
  const hungUp = await RawClient.open(s.url);
  hungUp.send([1, 1, "containers.run", options]);
  await until(() => gates.length === 4);
  hungUp.socket.terminate();
  await until(() => s.server.connections === 2);
  for (const open of gates) open();
  await until(() => entries.length === 8);
  assert.is(s.runtime.all.size, 4);
  for (const made of s.runtime.all.values()) assert.equal(made.calls, [["remove", { force: true }]]);
  // Nothing came of the call with the key, so it may be made again.
  const again = raw.ask(4, "containers.run", options, { idempotencyKey: "k" });
  await until(() => gates.length === 5);
  gates[4]?.();
  assert.equal(await again, [2, 4, { id: "c5" }]);
  raw.socket.close();
});

test("outcomes outlive the server; a call that died with it says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-keys-"));
  const path = join(folder, "s.sock");
  const lives = async (use: (raw: RawClient, runtime: FakeRuntime) => Promise<void>): Promise<void> => {
    const { database } = openDatabase(join(folder, "granule.db"));
    const runtime = Object.assign(new FakeRuntime(), { calls: new CallStore(database) });
    const server = await serveChannel(runtime, { path });
    const raw = await RawClient.open(`unix:${path}`);
    await use(raw, runtime);
    raw.socket.close();
    await server.close({ graceMs: 0 });
    database.close();
  };
  await lives(async (raw, runtime) => {
    await raw.ask(1, "containers.create", options, { idempotencyKey: "done" });
    runtime.containers.create = () => new Promise(() => {});
    raw.send([1, 2, "containers.create", options, { idempotencyKey: "begun" }]);
    await raw.ask(3, "channel.ping");
  });
  await lives(async (raw, runtime) => {
    const again = await raw.ask(1, "containers.create", options, { idempotencyKey: "done" });
    assert.equal(again, [2, 1, { id: "c1" }, { replayed: true }]);
    const unknown = await raw.ask(2, "containers.create", options, { idempotencyKey: "begun" });
    assert.is(code(unknown), "UNAVAILABLE");
    assert.is((unknown[2] as { retryable: boolean }).retryable, false);
    assert.is(runtime.all.size, 0);
  });
  rmSync(folder, { recursive: true });
});

test("outcomes are forgotten by age and by number", () => {
  const store = CallStore.inMemory();
  const call = { method: "m", params: "p" };
  for (let key = 0; key < 1000; key++) store.begin("a", `${key}`, call, { keptMs: 1e9, most: 10 });
  assert.ok(store.find("a", "0"));
  const now = Date.now;
  Date.now = () => now() + 5000;
  store.begin("a", "newest", call, { keptMs: 1e9, most: 10 });
  assert.ok(store.find("a", "newest"));
  for (let key = 0; key < 1000; key++) store.begin("b", `${key}`, call, { keptMs: 1000, most: 10 });
  assert.is(store.find("a", "0"), undefined);
  Date.now = now;
});

test.run();

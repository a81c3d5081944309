import { isDeepStrictEqual } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LogLine } from "../../src/api.js";
import { GranuleError } from "../../src/errors.js";
import { drain, served, take, until } from "./served.js";

const test = suite("channel calls");

async function failure(promise: Promise<unknown>): Promise<GranuleError> {
  try {
    await promise;
  } catch (thrown) {
    assert.instance(thrown, GranuleError);
    return thrown as GranuleError;
  }
  throw new Error("expected a failure");
}

for (const encoding of ["cbor", "json"] as const) {
  test(`${encoding}: a container's whole life`, async () => {
    await using s = await served({ encoding });
    const options = { image: "app:1", name: "a", cpus: 0.5, memory: 6 * 2 ** 30, tags: { team: "x" }, env: ["A=b"] };
    const container = await s.client.containers.run(options);
    const fake = s.runtime.find(container.id);
    assert.equal(fake.options, options);
    await container.start();
    await container.kill("SIGHUP");
    await container.kill(9);
    await container.pause();
    await container.resume();
    await container.update({ memory: 2 ** 33, restart: { policy: "on-failure", maxRetries: 3 } });
    await container.restart({ timeoutSeconds: 2 });
    await container.resize(24, 80);
    assert.equal(await container.stop({ timeoutSeconds: 1 }), { code: 0, oomKilled: false });
    await container.remove({ force: true });
    assert.equal(fake.calls, [
      ["start"],
      ["kill", "SIGHUP"],
      ["kill", 9],
      ["pause"],
      ["resume"],
      ["update", { memory: 2 ** 33, restart: { policy: "on-failure", maxRetries: 3 } }],
      ["restart", { timeoutSeconds: 2 }],
      ["resize", 24, 80],
      ["stop", { timeoutSeconds: 1 }],
      ["remove", { force: true }],
    ]);
    assert.equal(await container.inspect(), fake.info());
    assert.equal((await s.client.containers.get(container.id)).id, container.id);
    assert.equal(await s.client.containers.list({ all: true }), [fake.info()]);
    assert.equal(await s.client.containers.prune(), ["gone"]);
    assert.equal(await s.client.info(), await s.runtime.info());
    assert.equal(await s.client.usage.query(), []);
  });

  test(`${encoding}: images, with progress and without`, async () => {
    await using s = await served({ encoding });
    assert.equal(await s.client.images.list(), [s.runtime.image]);
    assert.equal(await s.client.images.inspect("sha256:11"), s.runtime.image);
    const progress: unknown[] = [];
    const loaded = await s.client.images.load("/a.tar", { onProgress: (step) => progress.push(step) });
    assert.equal(loaded, [s.runtime.image]);
    assert.equal(progress, [{ stage: "read", doneBytes: 1, totalBytes: 2 }, { stage: "done" }]);
    assert.equal(await s.client.images.load("/a.tar"), [s.runtime.image]);
    assert.equal(await s.client.images.import("/a.tar", { name: "app:1", config: { cmd: ["sh"] } }), s.runtime.image);
    assert.is((await failure(s.client.images.load("/broken", { onProgress: () => {} }))).code, "CORRUPT");
    await s.client.images.remove("app:1", { force: true });
  });

  test(`${encoding}: exec carries bytes both ways, the half-close, resizes and the exit`, async () => {
    await using s = await served({ encoding });
    const container = await s.client.containers.create({ image: "app:1" });
    const process = await container.exec({ command: ["cat"], stdin: true, tty: true });
    const output = drain(process.output);
    await process.write(new Uint8Array([0, 255, 10]));
    await process.resize(10, 20);
    await process.closeInput();
    const [echoed] = await output;
    assert.equal([...(echoed?.data ?? [])], [0, 255, 10]);
    assert.equal(await process.wait(), { code: 7, oomKilled: false });
    assert.equal(s.runtime.find(container.id).attachments[0]?.resizes, [[10, 20]]);
    assert.is((await failure(process.write(new Uint8Array(1)))).code, "FAILED_PRECONDITION");
  });

  test(`${encoding}: log lines arrive byte by byte as they were`, async () => {
    await using s = await served({ encoding });
    const container = await s.client.containers.create({ image: "app:1" });
    const fake = s.runtime.find(container.id);
    const time = "2026-01-01T00:00:00.123456789Z";
    const lines = [
      { time, stream: "stdout" as const, data: new Uint8Array([32, 0, 255]), partial: true },
      { time, stream: "stderr" as const, data: new Uint8Array(), partial: false },
      { time, stream: "stdout" as const, data: new Uint8Array(200_000).fill(65), partial: false },
    ];
    fake.lines.push(...lines);
    fake.lines.end();
    const got = await drain(container.logs({ tail: 3, since: time }));
    const comparable = (line: LogLine) => ({ ...line, data: Buffer.from(line.data).toString("latin1") });
    assert.ok(isDeepStrictEqual(got.map(comparable), lines.map(comparable)));
    assert.equal(fake.calls, [["logs", { tail: 3, since: time }]]);
  });
}

test("who attaches may write, unless told otherwise", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const attached = await container.attach();
  await attached.write(Buffer.from("x"));
  assert.equal([...((await take(attached.output, 1))[0]?.data ?? [])], [120]);
  await attached.detach();
  await until(() => s.runtime.find(container.id).attachments[0]?.detached === true);
  assert.is(
    (await failure((await container.attach({ stdin: false })).write(new Uint8Array(1)))).code,
    "FAILED_PRECONDITION",
  );
});

test("an error arrives as it was thrown", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const error = await failure(container.exec({ command: ["missing"] }));
  assert.is(error.code, "COMMAND_NOT_FOUND");
  assert.is(error.message, "no such command: missing");
  assert.is(error.hint, "look at PATH");
  assert.is(error.errno, "ENOENT");
  assert.is(error.syscall, "execve");
  assert.is(error.path, "/bin/missing");
  assert.equal(error.details, { step: "exec", pathBytes: 8589934592 });
  assert.not(error.retryable);
});

test("bad params are refused with the path of the field", async () => {
  await using s = await served();
  const options = { image: "app:1", mounts: [{ type: "bind", target: 5 }] };
  const error = await failure(s.client.containers.create(options as never));
  assert.is(error.code, "INVALID_ARGUMENT");
  assert.match(error.message, "mounts[0].target");
  assert.is((await failure(s.client.containers.create({} as never))).message, "image: expected a value");
});

test("a signal cancels a call at the server too", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(container.id);
  const abort = new AbortController();
  const waiting = container.wait({ signal: abort.signal });
  await until(() => fake.waiting === 1);
  abort.abort();
  assert.is((await failure(waiting)).code, "CANCELLED");
  await until(() => fake.waiting === 0);
  assert.is((await failure(container.wait({ signal: abort.signal }))).code, "CANCELLED");
});

test("events arrive in order and end with the signal", async () => {
  await using s = await served();
  const abort = new AbortController();
  const events = s.client.events({ signal: abort.signal });
  const sent = [1, 2, 3].map((seq) => ({
    epoch: "e",
    seq,
    time: "2026-01-01T00:00:00.000Z",
    type: "container" as const,
    action: "start" as const,
    id: `c${seq}`,
  }));
  s.runtime.happened.push(...sent);
  const got = [];
  for await (const event of events) {
    got.push(event);
    if (event.seq === 3) abort.abort();
  }
  assert.equal(got, sent);
  await until(() => s.runtime.happened.left === 1);
});

test("samples of one tick arrive one by one; leaving the loop ends the subscription", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(container.id);
  const sent = [1, 2, 3].map((id) => ({ id: `${id}`, time: "t", cpu: { usageUsec: id * 2 ** 40 } }));
  s.runtime.sampled.push(...sent);
  fake.sampled.push(...sent);
  assert.equal(await take(s.client.samples(), 2), sent.slice(0, 2));
  assert.equal(await take(container.samples(), 3), sent);
  await s.server.close({ graceMs: 0 });
  await until(() => s.runtime.sampled.left === 1 && fake.sampled.left === 1);
});

test("a lost server fails what was under way, as something to retry", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const waiting = failure(container.wait());
  const events = failure(drain(s.client.events()));
  await until(() => s.runtime.find(container.id).waiting === 1);
  await s.server.close({ graceMs: 0, reason: "upgrade" });
  for (const error of [await waiting, await events, await failure(s.client.info())]) {
    assert.is(error.code, "UNAVAILABLE");
    assert.ok(error.retryable);
  }
});

test.run();

import { connect as connectSocket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/channel/connect.js";
import type { GranuleError } from "../../src/errors.js";
import { FakeAttachment } from "./fake-runtime.js";
import { RawClient } from "./raw-client.js";
import { drain, served, until } from "./served.js";

const test = suite("channel limits");

function errorCode(frame: unknown[]): string {
  assert.is(frame[0], 3);
  return (frame[2] as { code: string }).code;
}

test("a reader that does not read holds its window and no more, and slows nobody", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(container.id);
  const chunk = { stream: "stdout" as const, data: new Uint8Array(64 << 10).fill(1) };
  fake.chunks = Array.from({ length: 200 }, () => chunk);
  const slow = await container.attach({ stdin: false });
  const attachment = fake.attachments[0] as FakeAttachment;
  await until(() => attachment.taken > 0);
  for (let call = 0; call < 100; call++) await s.client.info();
  // Four chunks fill the 256 KiB, the fifth waits for credit.
  assert.is(attachment.taken, 5);
  const output = await drain(slow.output);
  assert.is(
    output.reduce((sum, { data }) => sum + data.length, 0),
    200 * (64 << 10),
  );
  assert.is((await slow.wait()).code, 7);
});

test("bytes beyond the credit reset the input", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  s.runtime.find(id).attach = async () => {
    const attachment = new FakeAttachment([], true);
    attachment.write = () => new Promise(() => {});
    return attachment;
  };
  const raw = await RawClient.open(s.url);
  const answer = await raw.ask(1, "containers.attach", { id, stdin: true });
  const { stdin } = answer[2] as { stdin: number };
  for (let sent = 0; sent <= 256 << 10; sent += 64 << 10) raw.send([5, stdin, new Uint8Array(64 << 10)]);
  const reset = await raw.until((frame) => frame[0] === 8);
  assert.equal(reset.slice(0, 3), [8, stdin, "RESOURCE_EXHAUSTED"]);
  raw.socket.close();
});

test("a writer waits for the process to take the bytes", async () => {
  await using s = await served();
  const container = await s.client.containers.create({ image: "app:1" });
  const taken: Uint8Array[] = [];
  const gates: (() => void)[] = [];
  s.runtime.find(container.id).attach = async () => {
    const attachment = new FakeAttachment([], true);
    attachment.write = (data) => {
      taken.push(data.slice());
      return new Promise((resolve) => gates.push(resolve));
    };
    return attachment;
  };
  const attachment = await container.attach({ stdin: true });
  let written = false;
  const writing = attachment.write(new Uint8Array(600 << 10)).then(() => (written = true));
  await until(() => gates.length === 1);
  await s.client.info();
  assert.not(written);
  const opening = setInterval(() => gates.shift()?.(), 0);
  await writing;
  await until(() => taken.reduce((sum, data) => sum + data.length, 0) === 600 << 10);
  clearInterval(opening);
});

test("a subscriber to events that stops reading is told to resume, others go on", async () => {
  await using s = await served({ limits: { subscriptionWindowItems: 4, subscriptionQueueItems: 8 } });
  const raw = await RawClient.open(s.url);
  await raw.ask(1, "events.subscribe");
  for (let seq = 1; seq <= 13; seq++) s.runtime.happened.push({ epoch: "e", seq } as never);
  const reset = await raw.until((frame) => frame[0] === 8);
  assert.is(reset[2], "RESOURCE_EXHAUSTED");
  assert.is(raw.frames.filter((frame) => frame[0] === 9).length, 4);
  await until(() => s.runtime.happened.left === 1);
  await s.client.info();
  raw.socket.close();
});

test("a subscriber to samples that stops reading loses the oldest, which the numbers show", async () => {
  await using s = await served({ limits: { subscriptionWindowItems: 1, subscriptionQueueItems: 2 } });
  const raw = await RawClient.open(s.url);
  const answer = await raw.ask(1, "samples.subscribe");
  for (let tick = 1; tick <= 6; tick++) {
    s.runtime.sampled.push({ id: `${tick}`, time: "t", cpu: { usageUsec: 0 } });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  raw.send([6, (answer[2] as { subscription: number }).subscription, 5]);
  await raw.until((frame) => frame[0] === 9 && (frame[2] as { seq: number }).seq === 6);
  const seqs = raw.frames.filter((frame) => frame[0] === 9).map((frame) => (frame[2] as { seq: number }).seq);
  assert.equal(seqs, [1, 5, 6]);
  raw.socket.close();
});

test("requests and streams of a connection are counted", async () => {
  await using s = await served({ limits: { maxRequestsInFlight: 2, maxStreams: 1, maxSubscriptions: 1 } });
  const { id } = await s.client.containers.create({ image: "app:1" });
  const raw = await RawClient.open(s.url);
  raw.send([1, 1, "containers.wait", { id }]);
  raw.send([1, 2, "containers.wait", { id }]);
  assert.is(errorCode(await raw.ask(3, "runtime.info")), "RESOURCE_EXHAUSTED");
  s.runtime.find(id).stopped.resolve({ oomKilled: false });
  await raw.until((frame) => frame[0] === 2 && frame[1] === 2);
  await raw.ask(4, "containers.logs", { id });
  assert.is(errorCode(await raw.ask(5, "containers.logs", { id })), "RESOURCE_EXHAUSTED");
  await raw.ask(7, "samples.subscribe");
  assert.is(errorCode(await raw.ask(8, "samples.subscribe")), "RESOURCE_EXHAUSTED");
  assert.is(errorCode(await raw.ask(6, "containers.attach", { id })), "RESOURCE_EXHAUSTED");
  assert.ok(s.runtime.find(id).attachments[0]?.detached);
  raw.socket.close();
});

test("a request past its deadline is given up at both ends", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const raw = await RawClient.open(s.url);
  assert.is(errorCode(await raw.ask(1, "containers.wait", { id }, { deadlineMs: 20 })), "DEADLINE_EXCEEDED");
  await until(() => s.runtime.find(id).waiting === 0);
  raw.socket.close();
});

test("an attachment that arrives after its cancel is let go", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(id);
  const attachment = new FakeAttachment([], true);
  const gates: (() => void)[] = [];
  fake.attach = async () => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return attachment;
  };
  const raw = await RawClient.open(s.url);
  raw.send([1, 1, "containers.attach", { id, stdin: true }]);
  await until(() => gates.length === 1);
  raw.send([4, 1]);
  assert.is(errorCode(await raw.until((frame) => frame[0] === 3)), "CANCELLED");
  gates[0]?.();
  await until(() => attachment.detached);
  raw.socket.close();
});

test("what was cancelled before it began is not done", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(id);
  const gates: (() => void)[] = [];
  s.runtime.containers.get = async () => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return fake;
  };
  const raw = await RawClient.open(s.url);
  raw.send([1, 1, "containers.kill", { id }]);
  await until(() => gates.length === 1);
  assert.is(errorCode(await raw.ask(2, "containers.kill", { id }, { deadlineMs: 5 })), "DEADLINE_EXCEEDED");
  raw.send([4, 1]);
  assert.is(errorCode(await raw.until((frame) => frame[0] === 3 && frame[1] === 1)), "CANCELLED");
  for (const open of gates) open();
  await s.client.info();
  assert.equal(fake.calls, []);
  raw.socket.close();
});

test("a lost client leaves nothing behind", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const fake = s.runtime.find(id);
  const raw = await RawClient.open(s.url);
  await raw.ask(1, "containers.attach", { id, stdin: true });
  await raw.ask(2, "events.subscribe");
  await raw.ask(3, "containers.logs", { id, follow: true });
  raw.send([1, 4, "containers.wait", { id }]);
  await until(() => fake.waiting === 1);
  raw.socket.terminate();
  await until(() => fake.waiting === 0 && fake.attachments[0]?.detached === true);
  await until(() => s.runtime.happened.left === 1 && fake.lines.left === 1 && s.server.connections === 1);
});

test("an unknown method is a named error and the connection goes on", async () => {
  await using s = await served();
  const raw = await RawClient.open(s.url);
  assert.is(errorCode(await raw.ask(1, "containers.fly")), "UNSUPPORTED");
  assert.is(errorCode(await raw.ask(2, "__proto__")), "UNSUPPORTED");
  // What changes nothing may be repeated without a key; one does no harm.
  assert.is((await raw.ask(3, "runtime.info", {}, { idempotencyKey: "k" }))[0], 2);
  assert.is((await raw.ask(4, "runtime.info", { newer: true }))[0], 2);
  // Frames for streams and requests that are gone are no fault.
  raw.send([4, 99]);
  raw.send([6, 99, 1]);
  raw.send([8, 99, "CANCELLED"]);
  assert.is((await raw.ask(5, "runtime.info"))[0], 2);
  raw.socket.close();
});

const violations: Record<string, [code: number, send: (raw: RawClient) => void]> = {
  "bytes that are no CBOR": [1007, (raw) => raw.socket.send(Buffer.from("ff", "hex"))],
  "a value that is no message": [1007, (raw) => raw.socket.send(Buffer.from("a0", "hex"))],
  "text in the binary protocol": [1007, (raw) => raw.socket.send("[4,1]")],
  "an oversized message": [1009, (raw) => raw.socket.send(new Uint8Array((1 << 20) + 1))],
  "a message that only servers send": [1002, (raw) => raw.send([2, 1, null])],
  "a request id in use": [
    1002,
    (raw) => {
      raw.send([1, 1, "containers.wait", { id: "c1" }]);
      raw.send([1, 1, "containers.wait", { id: "c1" }]);
    },
  ],
};
for (const [name, [code, send]] of Object.entries(violations)) {
  test(`${name} ends that connection alone, with a code`, async () => {
    await using s = await served();
    await s.client.containers.create({ image: "app:1" });
    const raw = await RawClient.open(s.url);
    send(raw);
    assert.is((await raw.closed).code, code);
    await s.client.info();
  });
}

test("data on a stream that takes none ends the connection", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const raw = await RawClient.open(s.url);
  const answer = await raw.ask(1, "containers.logs", { id });
  raw.send([5, (answer[2] as { logs: number }).logs, new Uint8Array(1)]);
  assert.is((await raw.closed).code, 1002);
});

test("a caller that asks and never reads is no longer listened to", async () => {
  await using s = await served();
  const big = { ...s.runtime.image, layers: Array.from({ length: 2000 }, () => "sha256:".padEnd(71, "0")) };
  let asked = 0;
  s.runtime.images.list = async () => {
    asked++;
    return [big];
  };
  const raw = await RawClient.open(s.url);
  raw.socket.pause();
  for (let id = 1; id <= 1000; id++) raw.send([1, id, "images.list", {}]);
  await until(() => asked > 20);
  for (let call = 0; call < 50; call++) await s.client.info();
  // 4 MiB wait at the most, in answers of 150 KB.
  assert.ok(asked < 200, `${asked} answers were made`);
  raw.socket.resume();
  await raw.until((frame) => frame[0] === 2 && frame[1] === 1000);
  raw.socket.close();
});

test("what waits for a connection that does not read has an end, and so has the connection", async () => {
  await using s = await served({ limits: { maxBufferedBytes: 256 << 10 } });
  const big = { ...s.runtime.image, layers: Array.from({ length: 5000 }, () => "sha256:".padEnd(71, "0")) };
  s.runtime.images.list = async () => [big];
  const raw = await RawClient.open(s.url);
  raw.socket.pause();
  for (let id = 1; id <= 10; id++) raw.send([1, id, "images.list", {}]);
  await until(() => s.server.connections === 2);
  raw.socket.resume();
  const { code, reason } = await raw.closed;
  assert.is(code, 1008);
  assert.match(reason, "waits");
  await s.client.info();
});

test("connections of one peer are counted, and one more is refused with the reason", async () => {
  await using s = await served({ limits: { maxConnectionsPerPeer: 3 } });
  const more = [await connect(s.url), await connect(s.url)];
  const refused = await connect(s.url).catch((error: GranuleError) => error);
  assert.match((refused as GranuleError).message, "429");
  await more[0]?.close();
  await until(() => s.server.connections === 2);
  await (await connect(s.url)).close();
  await more[1]?.close();
});

test("an upgrade that is not completed in time is given up", async () => {
  await using s = await served({ limits: { handshakeMs: 50 } });
  for (const begun of ["", "GET / HTTP/1.1\r\nHost: x\r\nUpgr"]) {
    const socket = connectSocket(s.server.path);
    socket.on("error", () => {});
    socket.write(begun);
    await new Promise((resolve) => socket.resume().once("close", resolve));
  }
  await s.client.info();
});

test("a peer that is silent is asked, and hung up on when it does not answer", async () => {
  await using s = await served({ limits: { pingIntervalMs: 20, pingTimeoutMs: 40 } });
  const lively = await RawClient.open(s.url);
  let pings = 0;
  lively.socket.on("ping", () => pings++);
  const dead = await RawClient.open(s.url);
  assert.is(s.server.connections, 3);
  dead.socket.pause();
  await until(() => s.server.connections === 2);
  await until(() => pings > 3);
  assert.is((await lively.ask(1, "channel.ping"))[0], 2);
  lively.socket.close();
  dead.socket.terminate();
});

test("200 clients at once each get their own answers", async () => {
  await using s = await served();
  const clients = await Promise.all(Array.from({ length: 200 }, () => connect(s.url)));
  const ids = await Promise.all(clients.map(async (client) => (await client.containers.run({ image: "app:1" })).id));
  assert.is(new Set(ids).size, 200);
  await Promise.all(clients.map((client) => client.close()));
  await until(() => s.server.connections === 1);
});

test("a reader may look and not touch", async () => {
  await using s = await served({ role: "reader" });
  await s.client.info();
  try {
    await s.client.containers.run({ image: "app:1" });
    assert.unreachable();
  } catch (error) {
    assert.is((error as GranuleError).code, "PERMISSION_DENIED");
  }
});

test.run();

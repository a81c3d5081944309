import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ChannelClient } from "../../src/channel/client.js";
import { connect } from "../../src/channel/connect.js";
import { serveChannel } from "../../src/channel/server.js";
import { GranuleError } from "../../src/errors.js";
import { FakeRuntime } from "./fake-runtime.js";
import { drain, type Served, served, take, until } from "./served.js";

const test = suite("reconnecting clients");

/** A server, and a client behind a wire that can be cut. */
interface Wired extends AsyncDisposable {
  served: Served;
  runtime: FakeRuntime;
  client: ChannelClient;
  cut(): void;
}

async function wired(giveUpAfterMs = 10_000): Promise<Wired> {
  const behind = await served();
  const ends = new Set<Socket>();
  const path = `${behind.server.path}.wire`;
  const wire = createServer((near) => {
    const far = connectSocket(behind.server.path);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from);
      from.on("error", () => {});
      from.on("close", () => ends.delete(from) && to.destroy());
      from.pipe(to);
    }
  });
  wire.listen(path);
  await once(wire, "listening");
  const client = await connect(`unix:${path}`, { reconnect: { firstDelayMs: 1, maxDelayMs: 5, giveUpAfterMs } });
  return {
    served: behind,
    runtime: behind.runtime,
    client,
    cut: () => {
      for (const end of ends) end.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      wire.close();
      await behind[Symbol.asyncDispose]();
    },
  };
}

test("calls that were under way are repeated, and done once", async () => {
  await using w = await wired();
  const gates: (() => void)[] = [];
  w.runtime.containers.run = async (options) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return w.runtime.add(options);
  };
  const running = w.client.containers.run({ image: "app:1" });
  await until(() => gates.length === 1);
  w.cut();
  await w.client.info();
  gates[0]?.();
  const container = await running;
  assert.is(w.runtime.all.size, 1);
  assert.is(gates.length, 1);
  const waiting = container.wait();
  await until(() => w.runtime.find(container.id).waiting === 1);
  w.cut();
  await until(() => w.runtime.find(container.id).waiting === 1);
  w.runtime.find(container.id).stopped.resolve({ code: 4, oomKilled: false });
  assert.is((await waiting).code, 4);
});

test("an exec that may have begun is not repeated", async () => {
  await using w = await wired();
  const container = await w.client.containers.create({ image: "app:1" });
  let begun = 0;
  w.runtime.find(container.id).exec = () => {
    begun++;
    return new Promise(() => {});
  };
  const exec = container.exec({ command: ["cat"] }).catch((error: GranuleError) => error);
  await until(() => begun === 1);
  w.cut();
  assert.is(((await exec) as GranuleError).code, "UNAVAILABLE");
  await w.client.info();
  assert.is(begun, 1);
});

test("samples and logs go on behind what was read", async () => {
  await using w = await wired();
  const container = await w.client.containers.create({ image: "app:1" });
  const fake = w.runtime.find(container.id);
  const line = (second: number, word: string) => ({
    time: `2026-01-01T00:00:0${second}.000000000Z`,
    stream: "stdout" as const,
    data: Buffer.from(word),
    partial: false,
  });
  const asked: unknown[] = [];
  fake.logs = (options) => {
    const { signal, since } = options ?? {};
    asked.push(since);
    const kept = [line(1, "a"), line(2, "b"), line(2, "c"), line(2, "d"), line(3, "e")];
    const lines = new FakeRuntime().add({ image: "x" }).lines;
    const from = asked.length === 1 ? kept.slice(0, 3) : kept.filter(({ time }) => time >= (since ?? ""));
    lines.push(...from);
    if (asked.length > 1) lines.end();
    return lines.read(signal);
  };
  const words: string[] = [];
  for await (const { data } of container.logs({ follow: true, tail: 5 })) {
    words.push(Buffer.from(data).toString());
    if (words.length === 3) w.cut();
  }
  assert.equal(words, ["a", "b", "c", "d", "e"]);
  assert.equal(asked, [undefined, line(2, "").time]);

  const numbers: string[] = [];
  const sample = (number: number) => ({ id: `${number}`, time: "t", cpu: { usageUsec: 0 } });
  w.runtime.sampled.push(sample(1));
  for await (const { id } of w.client.samples()) {
    numbers.push(id);
    if (id === "1") {
      w.cut();
      w.runtime.sampled.push(sample(2));
      await until(() => w.served.server.connections === 1);
    }
    if (id === "2") w.runtime.sampled.push(sample(3));
    if (id === "3") break;
  }
  assert.equal(numbers, ["1", "2", "3"]);
});

test("events resume behind the cursor", async () => {
  await using w = await wired();
  const asked: unknown[] = [];
  const event = (seq: number) => ({ epoch: "e", seq }) as never;
  w.runtime.events = (options = {}) => {
    const { after, signal } = options as { after?: { epoch: string; seq: number }; signal?: AbortSignal };
    if (after?.epoch === "") {
      throw new GranuleError("CURSOR_EXPIRED", "old", { details: { epoch: "e", oldest: 0, latest: 7 } });
    }
    asked.push(after);
    // The third reader finds nothing new.
    const news = asked.length === 3 ? [] : [event((after?.seq ?? 7) + 1)];
    w.runtime.happened.items.splice(0, Number.POSITIVE_INFINITY, ...news);
    return w.runtime.happened.read(signal);
  };
  const events = w.client.events()[Symbol.asyncIterator]();
  assert.is((await events.next()).value?.seq, 8);
  w.cut();
  assert.is((await events.next()).value?.seq, 9);
  assert.equal(asked, [undefined, { epoch: "e", seq: 8 }]);
  await events.return?.();
  // Nothing came before the loss: the response's own cursor is where it goes on.
  const silent = w.client.events()[Symbol.asyncIterator]();
  await until(() => asked.length === 3);
  await w.client.info();
  w.cut();
  assert.is((await silent.next()).value?.seq, 8);
  assert.equal(asked.at(-1), { epoch: "e", seq: 7 });
  await silent.return?.();
});

test("a server that leaves is waited for, and the one that comes after it used", async () => {
  await using s = await served();
  const client = await connect(s.url, { reconnect: { firstDelayMs: 1, maxDelayMs: 5 } });
  const { id } = await client.containers.create({ image: "app:1" });
  await s.server.close({ graceMs: 0 });
  const called = client.containers.list();
  const next = new FakeRuntime();
  next.add({ image: "app:2" });
  const server = await serveChannel(next, { path: s.server.path });
  assert.equal(
    (await called).map(({ image }) => image),
    ["app:2"],
  );
  assert.is(id, "c1");
  await client.close();
  await server.close();
});

test("patience has an end, and so has a signal", async () => {
  await using w = await wired(30);
  await w.served.server.close({ graceMs: 0 });
  const error = await w.client.info().catch((thrown: GranuleError) => thrown);
  assert.is((error as GranuleError).code, "UNAVAILABLE");
  const container = w.client.call("containers.wait", { id: "x" }, { signal: AbortSignal.timeout(5) });
  assert.is(((await container.catch((thrown: GranuleError) => thrown)) as GranuleError).code, "CANCELLED");
});

test("a server that does not answer is taken for lost", async () => {
  await using s = await served({ limits: { pingIntervalMs: 20, pingTimeoutMs: 200 } });
  const mute = createServer((near) => {
    const far = connectSocket(s.server.path);
    near.on("error", () => {});
    far.on("error", () => {});
    near.pipe(far);
    // The hello comes through, and then nothing more.
    far.once("data", (bytes) => {
      near.write(bytes);
      far.on("data", (more) => {
        if (more.includes("granule.v1")) near.write(more);
      });
    });
  });
  const path = `${s.server.path}.mute`;
  mute.listen(path);
  await once(mute, "listening");
  const client = await connect(`unix:${path}`, { reconnect: false });
  const error = await client.info().catch((thrown: GranuleError) => thrown);
  assert.match((error as GranuleError).message, "does not answer");
  mute.close();
  rmSync(path, { force: true });
  await client.close();
});

test("what is left unread ends with the client", async () => {
  await using w = await wired();
  const reading = drain(w.client.samples()).catch((error: GranuleError) => error);
  await take(
    (async function* () {
      yield await w.client.info();
    })(),
    1,
  );
  await w.client.close();
  assert.is(((await reading) as GranuleError).code, "CANCELLED");
});

test.run();

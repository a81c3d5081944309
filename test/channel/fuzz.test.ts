import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createCodec } from "../../src/channel/codec.js";
import { connect } from "../../src/channel/connect.js";
import type { Frame } from "../../src/channel/frames.js";
import { fuzz } from "./fuzz/fuzz.js";
import { Host } from "./fuzz/host.js";
import { Random } from "./fuzz/random.js";
import { frame, upgrade, Wire } from "./fuzz/wire.js";

const test = suite("a server among bad company");
let host: Host;

test.before(async () => {
  host = await Host.open();
});
test.after(() => (host as Host | undefined)?.[Symbol.asyncDispose]());

const CONNECTIONS = 10_000;
const LANES = 16;
// One left-over stream or session a connection would come to several times as much. The records of some hundred
// containers that callers make are no leak, and stay for a while.
const SLACK_BYTES = 1 << 20;

const codec = createCodec("granule.v1.cbor", { maxDepth: 99, maxValues: 1e6 });

/** Calls of every kind on containers that run, the costly ones seldom. */
function calls(random: Random, id: string): Frame[] {
  const run = { image: "busybox", command: ["true"], stdin: false };
  const rare: Frame[] = [
    [1, 1, "containers.run", run],
    [1, 1, "containers.create", run],
    [1, 1, "containers.exec", { id, command: ["echo", "x"] }],
  ];
  const common: Frame[] = [
    [1, 1, "containers.inspect", { id }],
    [1, 1, "containers.logs", { id, follow: true }],
    [1, 1, "containers.attach", { id, stdin: false }],
    [1, 1, "events.subscribe", {}],
    [1, 1, "samples.subscribe", { id }],
    [1, 1, "containers.wait", { id }],
    [1, 1, "containers.list", { all: true }],
  ];
  return [random.chance(0.03) ? random.of(rare) : random.of(common), [1, 2, "channel.ping", {}]];
}

async function dropped(random: Random): Promise<void> {
  const wire = new Wire(host.server.path);
  const messages = calls(random, random.of(host.ids)).map((message) => frame(Buffer.from(codec.encode(message))));
  const bytes = Buffer.concat([upgrade("granule.v1.cbor"), ...messages]);
  // It hangs up inside the upgrade, inside a call, behind it, or when part of the answer has come.
  if (random.chance(0.5)) {
    wire.socket.write(bytes.subarray(0, random.below(bytes.length)));
    if (random.chance(0.7)) await wire.hear(1 + random.below(200), 10);
  } else {
    wire.socket.write(bytes);
    await wire.hear(1 + random.below(4000), 50);
  }
  wire.socket.destroy();
  await wire.closed;
}

async function dropMany(count: number, seed: number): Promise<void> {
  let left = count;
  const lane = async (random: Random): Promise<void> => {
    while (left-- > 0) await dropped(random);
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(new Random(seed + number))));
}

/** Attacks in three parts. In the first one all is done for the first time; from the second to the last nothing grows. */
async function leavesNothing(attack: (part: number) => Promise<unknown>): Promise<void> {
  const states = await host.states();
  const { descriptors } = await host.held();
  const memory: number[] = [];
  for (let part = 0; part < 3; part++) {
    await attack(part);
    await host.settled();
    await host.removeMade();
    host.made = 0;
    assert.equal(await host.states(), states);
    const after = await host.held();
    assert.ok(after.descriptors <= descriptors, `${descriptors} -> ${after.descriptors} descriptors`);
    memory.push(after.memoryBytes);
  }
  const [, second = 0, last = 0] = memory;
  assert.ok(last - second < SLACK_BYTES, `memory after each part: ${memory.join(", ")} bytes`);
  const client = await connect(`unix:${host.server.path}`);
  assert.is((await client.containers.list()).length, host.containers.length);
  await client.close();
}

test(`${CONNECTIONS} connections dropped at random points of a call leave nothing`, async () => {
  await dropMany(500, 1);
  await host.settled();
  await leavesNothing(() => dropMany(Math.ceil(CONNECTIONS / 3), Date.now()));
});

test("mutated sessions and random bytes leave nothing", async () => {
  await fuzz(host.server.path, host.ids, { seed: 1, seconds: 1 });
  await leavesNothing((part) => fuzz(host.server.path, host.ids, { seed: Date.now() + part, seconds: 1.5 }));
});

test.run();

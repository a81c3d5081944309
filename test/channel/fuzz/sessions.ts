import { createCodec } from "../../../src/channel/codec.js";
import { type Frame, SUBPROTOCOLS, type Subprotocol } from "../../../src/channel/frames.js";
import type { Random } from "./random.js";

const codecs = SUBPROTOCOLS.map((subprotocol) => createCodec(subprotocol, { maxDepth: 99, maxValues: 1e6 }));

const UNKNOWN = "ffffffffffffffffffffffffffffffff";

/** A session that is valid in its form, on containers that run; what changes state it asks of none that exists. */
export function validSession(random: Random, containers: readonly string[]): Frame[] {
  const frames: Frame[] = [];
  const id = (): string => random.of(containers);
  const requests: (() => [method: string, params: unknown])[] = [
    () => ["channel.ping", {}],
    () => ["runtime.info", {}],
    () => ["containers.list", { all: random.chance(0.5), tags: { team: "a" } }],
    () => ["containers.inspect", { id: random.chance(0.8) ? id() : UNKNOWN }],
    () => ["containers.wait", { id: id() }],
    () => ["containers.logs", { id: id(), follow: random.chance(0.5), tail: random.below(100) }],
    () => ["containers.attach", { id: id(), stdin: false }],
    () => ["containers.kill", { id: UNKNOWN, signal: random.chance(0.5) ? "SIGTERM" : 9 }],
    () => ["containers.remove", { id: UNKNOWN, force: true }],
    () => [
      "containers.create",
      { image: "nothere", mounts: [{ type: "tmpfs", target: "/t" }], restart: { policy: "always" } },
    ],
    () => ["containers.update", { id: UNKNOWN, limits: { cpus: 0.5, memory: 2 ** 33 } }],
    () => ["events.subscribe", random.chance(0.5) ? {} : { after: { epoch: "e", seq: random.below(100) } }],
    () => ["samples.subscribe", random.chance(0.5) ? {} : { id: id() }],
    () => ["usage.query", { since: "2026-01-01T00:00:00Z" }],
    () => ["images.list", {}],
  ];
  for (let number = 1 + random.below(6); number > 0; number--) {
    const [method, params] = random.of(requests)();
    const options = random.chance(0.3)
      ? { deadlineMs: 1 + random.below(50), idempotencyKey: `k${random.below(50)}` }
      : {};
    frames.push([1, number, method, params, options]);
    if (random.chance(0.4)) frames.push([6, 1 + random.below(8), 1 + random.below(1 << 20)]);
    if (random.chance(0.2)) frames.push([4, number]);
    if (random.chance(0.2)) frames.push([5, 1 + random.below(8), random.bytes(random.below(200))]);
    if (random.chance(0.2)) frames.push([7, 1 + random.below(8)]);
    if (random.chance(0.2)) frames.push([8, 1 + random.below(8), "CANCELLED"]);
  }
  return frames;
}

/** The messages of a session in a subprotocol. */
export function encoded(frames: Frame[], subprotocol: Subprotocol): (Buffer | string)[] {
  const codec = codecs.find((one) => one.subprotocol === subprotocol);
  return frames.map((frame) => {
    const payload = codec?.encode(frame) ?? "";
    return typeof payload === "string" ? payload : Buffer.from(payload);
  });
}

/** The message with some of its bytes or parts changed. */
export function mutated(random: Random, message: Buffer | string): Buffer | string {
  let bytes = Buffer.from(message);
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(6)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
        break;
      default:
        if (at < bytes.length)
          bytes[at] = random.chance(0.5) ? random.below(256) : (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
  }
  return typeof message === "string" ? bytes.toString("latin1") : bytes;
}

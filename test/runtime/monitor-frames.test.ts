import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { GranuleError } from "../../src/errors.js";
import { decodeExit, decodeFailure, encodeFrame, FrameReader, Message } from "../../src/runtime/monitor-frames.js";

const frames = suite("monitor frames");

frames("come out whole, however the stream is cut", () => {
  const stream = Buffer.concat([
    encodeFrame(Message.Stdout, Buffer.from("hello")),
    encodeFrame(Message.Ok),
    encodeFrame(Message.Stderr, Buffer.alloc(70_000, 7)),
  ]);
  for (const step of [1, 3, 4, 5, 9, 1000, stream.length]) {
    const reader = new FrameReader();
    const found: [number, number][] = [];
    for (let at = 0; at < stream.length; at += step) {
      for (const { type, payload } of reader.push(stream.subarray(at, at + step))) found.push([type, payload.length]);
    }
    assert.equal(found, [
      [Message.Stdout, 5],
      [Message.Ok, 0],
      [Message.Stderr, 70_000],
    ]);
  }
});

frames("of an impossible length are refused", () => {
  for (const length of [0, (1 << 20) + 1, 0xffffffff]) {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32LE(length);
    try {
      new FrameReader().push(bytes).next();
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as GranuleError).code, "CORRUPT");
    }
  }
});

frames("tell a failure's step, errno and path", () => {
  const payload = Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from("exec\0/bin/nope\0")]);
  assert.equal(decodeFailure(payload), { step: "exec", errno: "ENOENT", path: "/bin/nope" });
});

frames("that are too short are refused", () => {
  assert.throws(
    () => decodeExit(Buffer.alloc(40)),
    (thrown: GranuleError) => thrown.code === "CORRUPT",
  );
});

frames.run();

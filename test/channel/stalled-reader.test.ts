import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/channel/connect.js";
import { serveChannel } from "../../src/channel/server.js";
import { Fixture } from "../runtime/fixture.js";

const test = suite("a reader that stops");

const CALLS = 2000;

test("of an endless yes holds the server's memory to its window, and moves nobody's latency", async () => {
  const fixture = await Fixture.open();
  const server = await serveChannel(fixture.runtime, { path: `${fixture.root}/stall.sock` });
  const url = `unix:${server.path}`;
  const stalled = await connect(url, { reconnect: false });
  const other = await connect(url, { reconnect: false });
  try {
    const { id } = await fixture.run("exec sleep 1000");
    const container = await other.containers.get(id);
    /** The middle one of many calls, in ms. */
    const latency = async (): Promise<number> => {
      const values: number[] = [];
      for (let call = 0; call < CALLS; call++) {
        const begun = performance.now();
        await container.inspect();
        values.push(performance.now() - begun);
      }
      return values.sort((a, b) => a - b)[CALLS / 2] ?? 0;
    };
    await latency();
    const before = { latency: await latency(), memory: process.memoryUsage() };
    const attachments = [];
    for (let reader = 0; reader < 8; reader++) {
      attachments.push(await (await stalled.containers.get(id)).exec({ command: ["yes"] }));
    }
    const during = { latency: await latency(), memory: process.memoryUsage() };
    // What is held is the window at either end, here one process, and what lies between.
    const windows = attachments.length * 256 * 1024;
    const held = during.memory.external - before.memory.external;
    assert.ok(held < windows * 4, `${held} bytes are held for ${windows} of windows`);
    const ratio = during.latency / before.latency;
    assert.ok(ratio < 2, `the latency went from ${before.latency} to ${during.latency} ms`);
    // They go on where they stopped.
    let bytes = 0;
    for await (const { data } of attachments[0]?.output ?? []) {
      bytes += data.length;
      if (bytes > 4 << 20) break;
    }
    assert.ok(bytes > 4 << 20);
    for (const attachment of attachments) await attachment.detach();
  } finally {
    await stalled.close();
    await other.close();
    await server.close();
    await fixture.close();
  }
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { GranuleError } from "../../src/errors.js";
import { EventLog } from "../../src/runtime/events.js";

const events = suite("events");

function publish(log: EventLog, count: number): void {
  for (let index = 0; index < count; index++) log.publish({ type: "container", action: "start", id: String(index) });
}

async function read(iterable: AsyncIterable<{ seq: number }>, count: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { seq } of iterable) if (found.push(seq) === count) break;
  return found;
}

function expired(attempt: () => unknown): void {
  try {
    attempt();
  } catch (thrown) {
    assert.is((thrown as GranuleError).code, "CURSOR_EXPIRED");
    return;
  }
  assert.unreachable();
}

events("are numbered from 1, and told from now on", async () => {
  const log = new EventLog();
  publish(log, 2);
  const reading = read(log.read(), 2);
  publish(log, 2);
  assert.equal(await reading, [3, 4]);
});

events("go on after a cursor", async () => {
  const log = new EventLog();
  publish(log, 5);
  assert.equal(await read(log.read({ after: { epoch: log.epoch, seq: 2 } }), 3), [3, 4, 5]);
});

events("refuse a cursor that is too old, to come, or of another epoch", () => {
  const log = new EventLog(10);
  publish(log, 15);
  expired(() => log.read({ after: { epoch: log.epoch, seq: 4 } }));
  expired(() => log.read({ after: { epoch: log.epoch, seq: 16 } }));
  expired(() => log.read({ after: { epoch: "other", seq: 14 } }));
  log.read({ after: { epoch: log.epoch, seq: 5 } });
});

events("tell a reader that fell behind, and never skip", async () => {
  const log = new EventLog(10);
  const reader = log.read()[Symbol.asyncIterator]();
  const first = reader.next();
  publish(log, 1);
  assert.is((await first).value.seq, 1);
  publish(log, 20);
  try {
    await reader.next();
    assert.unreachable();
  } catch (thrown) {
    assert.is((thrown as GranuleError).code, "CURSOR_EXPIRED");
    assert.is((thrown as GranuleError).details?.["oldest"], 11);
  }
});

events("end with an abort and with a close", async () => {
  const log = new EventLog();
  const abort = new AbortController();
  const aborted = read(log.read({ signal: abort.signal }), 1);
  const closed = read(log.read(), 1);
  abort.abort();
  assert.equal(await aborted, []);
  log.close();
  assert.equal(await closed, []);
});

events.run();

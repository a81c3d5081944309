import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Frame } from "../../src/channel/frames.js";
import type { SamplesItem } from "../../src/channel/protocol.js";
import { RawClient } from "./raw-client.js";
import { type Served, served } from "./served.js";

const test = suite("resuming subscriptions");

const itemOf = (frame: Frame): SamplesItem => frame[2] as SamplesItem;

/** One reading of one container, whose id is its number. */
async function reading(s: Served, raw: RawClient, number: number): Promise<SamplesItem> {
  s.runtime.sampled.push({ id: `${number}`, time: "t", cpu: { usageUsec: 0 } });
  return itemOf(await raw.until((frame) => frame[0] === 9 && itemOf(frame).samples[0]?.id === `${number}`));
}

test("samples go on behind a cursor on another connection, with none lost", async () => {
  await using s = await served();
  const first = await RawClient.open(s.url);
  const other = await RawClient.open(s.url);
  await first.ask(1, "samples.subscribe");
  await other.ask(1, "samples.subscribe");
  const { epoch, seq } = await reading(s, first, 1);
  first.socket.terminate();
  await reading(s, other, 2);
  await reading(s, other, 3);
  const again = await RawClient.open(s.url);
  await again.ask(1, "samples.subscribe", { after: { epoch, seq } });
  await again.until((frame) => frame[0] === 9 && itemOf(frame).seq === seq + 2);
  const items = again.frames.filter((frame) => frame[0] === 9).map(itemOf);
  assert.equal(
    items.map((item) => [item.epoch, item.seq, item.samples[0]?.id]),
    [
      [epoch, seq + 1, "2"],
      [epoch, seq + 2, "3"],
    ],
  );
  // The response that names the subscription comes before its items.
  assert.is(again.frames[1]?.[0], 2);
  for (const raw of [other, again]) raw.socket.close();
});

test("samples nobody reads are kept for one who comes back, and not without end", async () => {
  await using s = await served();
  const first = await RawClient.open(s.url);
  await first.ask(1, "samples.subscribe");
  const { epoch, seq } = await reading(s, first, 1);
  const watcher = await RawClient.open(s.url);
  await watcher.ask(1, "samples.subscribe");
  for (let number = 2; number <= 40; number++) await reading(s, watcher, number);
  const expired = await watcher.ask(2, "samples.subscribe", { after: { epoch, seq } });
  assert.is((expired[2] as { code: string }).code, "CURSOR_EXPIRED");
  assert.equal((expired[2] as { details: unknown }).details, { epoch, oldest: seq + 9, latest: seq + 39 });
  assert.is((await watcher.ask(3, "samples.subscribe", { after: { epoch, seq: seq + 9 } }))[0], 2);
  assert.is((await watcher.ask(4, "samples.subscribe", { after: { epoch: "other", seq } }))[0], 3);
  for (const raw of [first, watcher]) raw.socket.close();
});

test("a subscription to one container ends with its source, for those who come back too", async () => {
  await using s = await served();
  const { id } = await s.client.containers.create({ image: "app:1" });
  const raw = await RawClient.open(s.url);
  const opened = await raw.ask(1, "samples.subscribe", { id });
  const { sampled } = s.runtime.find(id);
  sampled.push({ id, time: "t", cpu: { usageUsec: 0 } });
  const { epoch, seq } = itemOf(await raw.until((frame) => frame[0] === 9));
  sampled.end();
  const end = await raw.until((frame) => frame[0] === 7);
  assert.is(end[1], (opened[2] as { subscription: number }).subscription);
  const again = await raw.ask(2, "samples.subscribe", { id, after: { epoch, seq } });
  const { subscription } = again[2] as { subscription: number };
  await raw.until((frame) => frame[0] === 7 && frame[1] === subscription);
  raw.socket.close();
});

test.run();

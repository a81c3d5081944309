import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Subscription } from "../../src/meter/subscription.js";

const test = suite("subscription");

test("a reader gets what comes, in order, until the end", async () => {
  const subscription = new Subscription<number>(() => {});
  subscription.put([1, 2]);
  queueMicrotask(() => {
    subscription.put([3]);
    subscription.end();
  });
  const got: number[] = [];
  for await (const item of subscription) got.push(item);
  assert.equal(got, [1, 2, 3]);
});

test("a reader that falls behind loses the oldest", async () => {
  const subscription = new Subscription<number>(() => {});
  for (let i = 0; i < 100; i++) subscription.put([i]);
  subscription.end();
  const got: number[] = [];
  for await (const item of subscription) got.push(item);
  assert.equal(
    got,
    Array.from({ length: 16 }, (_, i) => 84 + i),
  );
});

test("an abort ends it, and whoever fills it is told once", async () => {
  const abort = new AbortController();
  let ended = 0;
  const subscription = new Subscription<number>(() => ended++, abort.signal);
  queueMicrotask(() => abort.abort());
  for await (const _ of subscription) assert.unreachable();
  subscription.end();
  assert.is(ended, 1);
});

test("a signal that has aborted before ends it at once", async () => {
  let ended = 0;
  const subscription = new Subscription<number>(() => ended++, AbortSignal.abort());
  for await (const _ of subscription) assert.unreachable();
  assert.is(ended, 1);
});

test("leaving the loop ends it", async () => {
  let ended = 0;
  const subscription = new Subscription<number>(() => ended++);
  subscription.put([1, 2]);
  for await (const _ of subscription) break;
  assert.is(ended, 1);
});

test.run();

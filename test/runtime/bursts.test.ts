import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Bursts } from "../../src/runtime/bursts.js";
import { Deferred } from "../../src/runtime/deferred.js";

const test = suite("bursts of starts");

/** Settles when a burst is over by itself. */
const over = (bursts: Bursts): Promise<void> => new Promise((resolve) => bursts.whenOver(resolve));

/** A timer of a burst does not keep a process alive. */
const alive = setInterval(() => undefined, 1000);
test.after(() => clearInterval(alive));

test("between bursts nothing waits", () => {
  const done: string[] = [];
  new Bursts().afterwards(() => done.push("at once"));
  assert.equal(done, ["at once"]);
});

test("in a burst all waits, in order, until nothing was started for a moment", async () => {
  const bursts = new Bursts();
  const done: number[] = [];
  const start = new Deferred<string>();
  const started = bursts.during(() => start.promise);
  assert.ok(bursts.on && bursts.busy);
  for (const number of [1, 2, 3]) bursts.afterwards(() => done.push(number));
  bursts.cut();
  assert.equal(done, [], "a start is under way");
  start.resolve("result");
  assert.is(await started, "result");
  assert.not.ok(bursts.busy);
  assert.ok(bursts.on);
  await over(bursts);
  assert.equal(done, [1, 2, 3]);
  assert.not.ok(bursts.on);
});

test("a start that fails ends as well as another", async () => {
  const bursts = new Bursts();
  let idle = 0;
  bursts.whenIdle(() => idle++);
  const failure = await bursts.during(() => Promise.reject(new Error("no"))).catch((thrown: unknown) => thrown);
  assert.is((failure as Error).message, "no");
  assert.is(idle, 1);
  await over(bursts);
});

test("a burst without an end leaves no more undone than so much", async () => {
  const bursts = new Bursts();
  const start = new Deferred<void>();
  const started = bursts.during(() => start.promise);
  let done = 0;
  for (let left = 1000; left > 0; left--) bursts.afterwards(() => done++);
  assert.ok(done >= 800 && done < 1000, String(done));
  start.resolve();
  await started;
  bursts.cut();
  assert.is(done, 1000);
});

test.run();

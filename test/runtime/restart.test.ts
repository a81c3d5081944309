import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RestartBackoff } from "../../src/runtime/restart.js";

const restart = suite("restart");
const failed = { code: 1, oomKilled: false };

restart("doubles from 100 ms to a minute", () => {
  const backoff = new RestartBackoff();
  const delays = Array.from({ length: 12 }, () => backoff.next({ policy: "always" }, failed, 0));
  assert.equal(delays.slice(0, 4), [100, 200, 400, 800]);
  assert.equal(delays.slice(-2), [60_000, 60_000]);
});

restart("starts over once it ran for 10 seconds", () => {
  const backoff = new RestartBackoff();
  backoff.next({ policy: "always" }, failed, 0);
  assert.is(backoff.next({ policy: "always" }, failed, 9_999), 200);
  assert.is(backoff.next({ policy: "always" }, failed, 10_000), 100);
});

restart("on failure stops at success, at an unknown end goes on, and counts", () => {
  const backoff = new RestartBackoff();
  const policy = { policy: "on-failure", maxRetries: 2 } as const;
  assert.is(backoff.next(policy, { code: 0, oomKilled: false }, 0), undefined);
  assert.is(backoff.next(policy, { oomKilled: false, reason: "unknown" }, 0), 100);
  assert.is(backoff.next(policy, failed, 0), 200);
  assert.is(backoff.next(policy, failed, 0), undefined);
});

restart("never means never", () => {
  const backoff = new RestartBackoff();
  assert.is(backoff.next({ policy: "never" }, failed, 0), undefined);
  assert.is(backoff.next(undefined, failed, 0), undefined);
});

restart.run();

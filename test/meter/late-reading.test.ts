import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Meter } from "../../src/meter/meter.js";
import type { Moment } from "../../src/meter/moment.js";

const second = 10n ** 9n;
const wallOffset = 1_800_000_000n;
const folder = mkdtempSync(join(tmpdir(), "granule-late-"));

const test = suite("readings that are heard of late");
test.after(() => rmSync(folder, { recursive: true }));

/** A run of three seconds from boot second 10: what it used, where its first reading, of second 11, is heard of so late. */
function memoryByteSeconds(name: string, lateMs: number, steppedSeconds = 0): number | undefined {
  const at = (milliseconds: number, stepped = 0): Moment => {
    const boot = 10n * second + BigInt(milliseconds) * 1_000_000n;
    return { bootNs: boot, wallNs: boot + (wallOffset + BigInt(stepped)) * second };
  };
  let now = at(0);
  const onProblem = (message: string): void => assert.unreachable(message);
  const meter = new Meter({ path: join(folder, name), bootId: "late", now: () => now, onProblem });
  const run = { id: "1", name: "late", image: "app", tags: {}, cpus: 1, memoryBytes: 1000 };
  meter.begin(run, now);
  const counters = { usageUsec: 0, memoryPeakBytes: 100, rxBytes: 0, txBytes: 0, readBytes: 0, writeBytes: 0 };
  for (const [afterMs, memoryBytes, heardMs] of [
    [1000, 10, 1000 + lateMs],
    [2000, 100, Math.max(2000, 1000 + lateMs)],
  ] as const) {
    now = at(heardMs, steppedSeconds);
    meter.tick([{ id: "1", counters: { ...counters, memoryBytes } }], Number(at(afterMs).wallNs) / 1e9);
  }
  const used = meter.tallies.get("1")?.usedUntil(Number(at(3000).bootNs) / 1e9);
  meter.close();
  return used?.memoryByteSeconds;
}

test("they count for the time until they were read", () => {
  assert.is(memoryByteSeconds("at-once", 0), 10 + 100 + 100);
  for (const lateMs of [400, 1500]) {
    assert.is(Math.round(memoryByteSeconds(`late-${lateMs}`, lateMs) ?? 0), 10 + 100 + 100, `${lateMs} ms late`);
  }
});

test("a clock that was stepped in between moves nothing", () => {
  assert.is(memoryByteSeconds("forward", 0, 3600), 10 + 100 + 100);
  assert.is(memoryByteSeconds("back", 0, -3600), 10 + 100 + 100);
});

test.run();

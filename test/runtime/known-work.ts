import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { CreateOptions, UsageRecord } from "../../src/api.js";
import { type Fixture, logText } from "./fixture.js";

const GiB = 2 ** 30;

/** A container of known work that has ended: what its record says, and what the work said. */
interface Worked {
  record: UsageRecord;
  /** What its program printed, a number. */
  told: number;
  /** From start to end on the clock that goes on in suspend, by the monitor's own record. */
  livedNs: number;
}

async function work(fixture: Fixture, command: string[], options: Partial<CreateOptions>): Promise<Worked> {
  const one = await fixture.runtime.containers.run({ image: "busybox", command: ["payload", ...command], ...options });
  assert.is((await one.wait()).code, 0);
  const [record, ...others] = await fixture.runtime.usage.query({ id: one.id });
  assert.ok(record);
  assert.is(others.length, 0);
  const exit = readFileSync(join(fixture.root, "containers", one.id, "exit"), "utf8");
  const ns = (name: string): bigint => BigInt(new RegExp(`^${name} (\\d+)$`, "m").exec(exit)?.[1] ?? "");
  const livedNs = Number(ns("finishedBootNs") - ns("startedBootNs"));
  return { record, told: Number(await logText(one)), livedNs };
}

/** Says beside a bound what was seen. */
function within(what: string, recorded: number, known: number, bound: number): void {
  const ratio = recorded / known;
  const text = `${what}: ${recorded} recorded, ${known} known, ratio ${ratio.toFixed(4)}`;
  process.stdout.write(`${text}\n`);
  assert.ok(Math.abs(ratio - 1) <= bound, text);
}

/** CPU time by the process's own clock (clock_gettime(2), CLOCK_PROCESS_CPUTIME_ID) within 1 %, and seconds exactly. */
export async function burns(fixture: Fixture, seconds: number): Promise<void> {
  const size = { cpus: 0.75, memory: 96 * 2 ** 20 };
  const { record, told, livedNs } = await work(fixture, ["burn", String(seconds * 1000)], size);
  within(`${seconds} s of CPU time`, record.cpuUsedSeconds ?? 0, told / 1e9, 0.01);
  const billed = Math.ceil(livedNs / 1e9);
  assert.is(record.seconds, billed);
  assert.is(record.vcpuSeconds, billed * size.cpus);
  assert.is(record.gibSeconds, (billed * size.memory) / GiB);
}

/** Memory of a known size within 2 %: at its peak, and over time. */
export async function holds(fixture: Fixture, bytes: number, milliseconds: number): Promise<void> {
  const size = { memory: bytes * 2 };
  const { record, told, livedNs } = await work(fixture, ["hold", String(bytes), String(milliseconds)], size);
  within(`${bytes} bytes at the peak`, record.memoryPeakBytes ?? 0, bytes, 0.02);
  // A sample a second does not see how it was filled: all of that time may count, or none of it.
  const seconds = ((record.memoryUsedGibSeconds ?? 0) * GiB) / bytes;
  const held = Math.min(Math.max(seconds, (livedNs - told) / 1e9), livedNs / 1e9);
  within(`seconds of ${bytes} bytes`, seconds, held, 0.02);
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { native } from "../../src/native.js";
import { OwnerLock } from "../../src/state/lock.js";

const test = suite<{ folder: string }>("owner's lock");
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-lock-"));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const owner = { pid: process.pid, socket: "/run/x.sock" };

/** A process that holds the lock on a descriptor of its own, as a monitor about to exec does, while `pid` is its owner. */
async function held(folder: string, pid: number, seconds: number): Promise<ChildProcess> {
  const path = join(folder, "owner.lock");
  const holder = spawn("flock", ["--no-fork", path, "sh", "-c", `echo held; exec sleep ${seconds}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout as NodeJS.ReadableStream, "data");
  writeFileSync(path, `${pid}\n${owner.socket}\n`);
  return holder;
}

/** The number of a process that has ended. */
async function ended(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
}

const refused = (pid: number) => (thrown: unknown) =>
  thrown instanceof GranuleError && thrown.code === "FAILED_PRECONDITION" && thrown.details?.["pid"] === pid;

test("there is one owner, and the next one after it", ({ folder }) => {
  const lock = OwnerLock.acquire([folder], owner);
  assert.throws(() => OwnerLock.acquire([folder], owner), refused(process.pid));
  lock[Symbol.dispose]();
  OwnerLock.acquire([folder], owner)[Symbol.dispose]();
});

test("what a killed owner was about to start is waited for", async ({ folder }) => {
  const holder = await held(folder, await ended(), 0.2);
  OwnerLock.acquire([folder], owner)[Symbol.dispose]();
  await once(holder, "close");
});

test("but not for ever, and a living owner not at all", async ({ folder }) => {
  const gone = await ended();
  const holder = await held(folder, gone, 60);
  assert.throws(() => OwnerLock.acquire([folder], owner), refused(gone));
  writeFileSync(join(folder, "owner.lock"), `${process.ppid}\n${owner.socket}\n`);
  const before = performance.now();
  assert.throws(() => OwnerLock.acquire([folder], owner), refused(process.ppid));
  assert.ok(performance.now() - before < 500);
  holder.kill("SIGKILL");
  await once(holder, "close");
});

test("letting go counts at once, whoever still holds a copy of the descriptor", async ({ folder }) => {
  const descriptor = native().lockFile(join(folder, "owner.lock"));
  const holder = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
  await once(holder, "spawn");
  native().unlockFile(descriptor);
  OwnerLock.acquire([folder], owner)[Symbol.dispose]();
  holder.kill("SIGKILL");
  await once(holder, "close");
});

test.run();

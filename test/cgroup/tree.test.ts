import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerCgroup } from "../../src/cgroup/container.js";
import { readPids } from "../../src/cgroup/files.js";
import { type ErrorCode, GranuleError } from "../../src/errors.js";
import { shellIn, testTree } from "./helpers.js";

const MiB = 1024 * 1024;
const tree = testTree();
const made = new Set<ContainerCgroup>();
const create = (...given: Parameters<typeof tree.create>) => {
  const cgroup = tree.create(...given);
  made.add(cgroup);
  return cgroup;
};
const codeIs = (code: ErrorCode) => (thrown: unknown) => thrown instanceof GranuleError && thrown.code === code;

const test = suite("cgroup tree");

test.after.each(async () => {
  for (const cgroup of made) {
    cgroup.kill();
    await cgroup.remove();
  }
  made.clear();
});
test.after(() => {
  tree.removeIfEmpty();
  assert.not.ok(existsSync(tree.root), "the subtree is gone");
});

test("a container without limits joins no v1 hierarchy", () => {
  const cgroup = create("plain", {});
  assert.equal(cgroup.joins, []);
  assert.ok(existsSync(`${cgroup.unified}/cgroup.procs`));
  assert.equal(tree.list(), ["plain"]);
});

test("only the hierarchies that the limits need are joined", () => {
  const cgroup = create("some", { cpus: 0.5, pids: 50 });
  const onV1 = (["cpu", "pids"] as const).filter((name) => tree.host.bindings[name].version === "v1");
  assert.is(cgroup.joins.length, onV1.length);
  for (const path of cgroup.joins) assert.ok(path.endsWith(`/granule-test-${process.pid}/some`));
});

test("cpus throttles to what was asked, and an update holds at once", async () => {
  const cgroup = create("cpu", { cpus: 0.25 });
  const child = await shellIn(cgroup, "while :; do :; done");
  const measure = async () => {
    const [from, start] = [cgroup.finalCounters(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const to = cgroup.finalCounters();
    return ((to.cpuUsec ?? 0) - (from.cpuUsec ?? 0)) / 1000 / (performance.now() - start);
  };
  const before = await measure();
  // Neighbours on a busy host may leave it less than its limit, never more; the exact share is tested in the VM.
  assert.ok(before > 0.05 && before < 0.3, `0.25 asked, ${before} used`);
  cgroup.update({ cpus: 0.6 });
  const after = await measure();
  assert.ok(after > before && after < 0.68, `0.6 asked, ${after} used`);
  assert.equal(cgroup.limits, { cpus: 0.6 });
  cgroup.kill();
  await once(child, "exit");
});

test("memory over the limit is killed and counted", async () => {
  const cgroup = create("memory", { memory: 24 * MiB });
  const child = await shellIn(cgroup, "exec tail /dev/zero");
  const [, signal] = await once(child, "exit");
  assert.is(signal, "SIGKILL");
  assert.is(cgroup.oomKills(), 1);
  const peak = cgroup.finalCounters().memoryPeakBytes ?? 0;
  assert.ok(peak > 20 * MiB && peak <= 24 * MiB, `peak ${peak}`);
});

test("memory is raised and lowered in place, and not below what is used", async () => {
  const cgroup = create("memory2", { memory: 32 * MiB });
  for (const memory of [64 * MiB, 16 * MiB, 128 * MiB]) cgroup.update({ memory });
  assert.is(cgroup.limits.memory, 128 * MiB);
  const hold = "x=$(yes | head -c 30000000); echo held; read y";
  const child = await shellIn(cgroup, hold);
  await once(child.stdout, "data");
  assert.throws(() => cgroup.update({ memory: 8 * MiB }), codeIs("FAILED_PRECONDITION"));
  assert.is(cgroup.limits.memory, 128 * MiB);
  cgroup.kill();
  await once(child, "exit");
});

test("more processes than asked are refused to the container", async () => {
  const cgroup = create("pids", { pids: 4 });
  const child = await shellIn(cgroup, "for i in 1 2 3 4 5 6; do sleep 60 & done 2>&1; read x");
  let said = "";
  // A shell may write its complaint in pieces.
  for await (const piece of child.stdout) {
    said += String(piece);
    if (/fork/i.test(said)) break;
  }
  assert.match(said, /fork/i);
  assert.ok(readPids(cgroup.unified).length <= 4);
  cgroup.kill();
  await once(child, "exit");
});

test("cpuset holds a process to its CPUs", async () => {
  const cpu = tree.host.cpus.at(-1) ?? 0;
  const cgroup = create("cpuset", { cpuset: String(cpu) });
  const child = await shellIn(cgroup, "grep Cpus_allowed_list /proc/self/status");
  assert.match(await text(child.stdout), new RegExp(`\\t${cpu}\\n`));
});

test("a limit that comes with an update takes the running processes along", async () => {
  const cgroup = create("late", {});
  const child = await shellIn(cgroup, "sleep 60 & sleep 60 & echo ready; read x");
  await once(child.stdout, "data");
  cgroup.update({ pids: 10, cpus: 0.5 });
  for (const path of cgroup.joins) assert.is(readPids(path).length, 3, path);
  cgroup.kill();
  await once(child, "exit");
});

test("freeze settles when all are stopped, thaw lets them go on", async () => {
  const cgroup = create("frozen", {});
  const child = await shellIn(cgroup, "while :; do :; done");
  await cgroup.freeze();
  const used = () => cgroup.finalCounters().cpuUsec ?? 0;
  const stopped = used();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is(used(), stopped);
  await cgroup.thaw();
  const deadline = performance.now() + 2000;
  while (used() === stopped && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(used() > stopped);
  cgroup.kill();
  await once(child, "exit");
});

test("kill ends every process, and waitEmpty tells when", async () => {
  const cgroup = create("killed", {});
  const child = await shellIn(cgroup, "for i in 1 2 3 4 5; do sleep 60 & done; echo up; exec sleep 60");
  await once(child.stdout, "data");
  assert.ok(cgroup.populated);
  cgroup.kill();
  await cgroup.waitEmpty();
  assert.not.ok(cgroup.populated);
});

test("remove takes nested cgroups along and leaves nothing in any hierarchy", async () => {
  const cgroup = create("nested", { cpus: 1, pids: 20 });
  const all = [cgroup.unified, ...cgroup.joins];
  for (const path of all) mkdirSync(`${path}/a/b`, { recursive: true });
  await cgroup.remove();
  for (const path of all) assert.not.ok(existsSync(path), path);
});

test("a new owner opens what an earlier one made", () => {
  const cgroup = create("again", { pids: 7 });
  const opened = tree.open("again", { pids: 7 });
  assert.equal(opened?.samplerPaths, cgroup.samplerPaths);
  assert.equal(opened?.joins, cgroup.joins);
  assert.is(tree.open("never", {}), undefined);
});

test("what fails leaves nothing behind", () => {
  assert.throws(() => tree.create("bad", { cpus: 0 }), codeIs("INVALID_ARGUMENT"));
  assert.throws(() => tree.create("../x", {}), codeIs("INVALID_ARGUMENT"));
  assert.throws(() => tree.create("monitors", {}), codeIs("INVALID_ARGUMENT"));
  create("twice", {});
  assert.throws(() => tree.create("twice", {}), codeIs("ALREADY_EXISTS"));
  assert.equal(tree.list(), ["twice"]);
});

test("an update that is refused changes nothing", () => {
  const cgroup = create("kept", { pids: 9 });
  assert.throws(() => cgroup.update({ pids: 8, cpus: -1 }), codeIs("INVALID_ARGUMENT"));
  const path = `${cgroup.samplerPaths.pids ?? cgroup.unified}/pids.max`;
  assert.is(readFileSync(path, "utf8"), "9\n");
  assert.equal(cgroup.limits, { pids: 9 });
});

test("an end is heard of where another process removes the cgroup at once", async () => {
  const remove = 'echo 1 > "$1/cgroup.kill"; while ! rmdir "$1" 2>&-; do :; done';
  for (let count = 0; count < 12; count++) {
    const cgroup = create("gone", {});
    const shell = await shellIn(cgroup, "sleep 100");
    const empty = cgroup.waitEmpty(3000);
    const ended = once(shell, "exit");
    execFileSync("sh", ["-c", remove, "sh", cgroup.unified]);
    await empty;
    await ended;
  }
});

test.run();

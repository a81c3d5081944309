import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerCgroup } from "../../src/cgroup/container.js";
import { GranuleError } from "../../src/errors.js";
import { native } from "../../src/native.js";
import { shellIn, testTree } from "../cgroup/helpers.js";

const MiB = 1024 * 1024;
const tree = testTree();
const made = new Set<ContainerCgroup>();
const create = (...given: Parameters<typeof tree.create>) => {
  const cgroup = tree.create(...given);
  made.add(cgroup);
  return cgroup;
};
const controlText = (cgroup: ContainerCgroup, file: string) => readFileSync(`${cgroup.unified}/${file}`, "utf8").trim();

const test = suite("cgroup v2 host");

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

test("every controller is bound to v2, and nothing is to be joined", () => {
  assert.is(tree.host.mode, "unified");
  for (const binding of Object.values(tree.host.bindings)) assert.equal(binding, { version: "v2" });
  const cgroup = create("all", { cpus: 0.5, memory: 64 * MiB, pids: 10, cpuset: "0" });
  assert.equal(cgroup.joins, []);
});

test("the limits stand in the kernel's files as they were asked", () => {
  const limits = { cpus: 0.5, memory: 64 * MiB, memoryHigh: 48 * MiB, memoryLow: 16 * MiB, pids: 10, cpuset: "0" };
  const cgroup = create("files", { ...limits, cpuBurstUsec: 20_000 });
  const wanted = {
    "cpu.max": "50000 100000",
    "cpu.weight": "50",
    "cpu.max.burst": "20000",
    "memory.max": String(64 * MiB),
    "memory.high": String(48 * MiB),
    "memory.low": String(16 * MiB),
    "memory.oom.group": "1",
    "pids.max": "10",
    "cpuset.cpus": "0",
  };
  for (const [file, value] of Object.entries(wanted)) assert.is(controlText(cgroup, file), value, file);
});

test("memory.low is promised from the top down, as the sum of what containers were promised", async () => {
  const sum = () => Number(readFileSync(`${tree.root}/memory.low`, "utf8"));
  const one = create("low1", { memoryLow: 8 * MiB });
  const two = create("low2", { memoryLow: 4 * MiB });
  assert.is(sum(), 12 * MiB);
  two.update({ memoryLow: 16 * MiB });
  assert.is(sum(), 24 * MiB);
  await one.remove();
  assert.is(sum(), 16 * MiB);
});

test("spot takes only what nobody wants, and gets its weight back", () => {
  const cgroup = create("spot", { cpus: 1, spot: true });
  assert.is(controlText(cgroup, "cpu.idle"), "1");
  cgroup.update({ cpus: 0.5 });
  assert.is(controlText(cgroup, "cpu.idle"), "1");
  cgroup.update({ spot: false });
  assert.is(controlText(cgroup, "cpu.idle"), "0");
  assert.is(controlText(cgroup, "cpu.weight"), "50");
});

test("a quota goes below the burst in force", () => {
  const cgroup = create("burst", { cpus: 1, cpuBurstUsec: 40_000 });
  cgroup.update({ cpus: 0.2, cpuBurstUsec: 10_000 });
  assert.is(controlText(cgroup, "cpu.max"), "20000 100000");
  assert.is(controlText(cgroup, "cpu.max.burst"), "10000");
});

test("cpu.max throttles to within 5 % of what was asked over 3 seconds, also after an update", async () => {
  const cgroup = create("cpu", { cpus: 0.5 });
  const child = await shellIn(cgroup, "while :; do :; done");
  const measure = async () => {
    const [from, start] = [cgroup.finalCounters(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const to = cgroup.finalCounters();
    assert.ok((to.throttledUsec ?? 0) > (from.throttledUsec ?? 0), "throttled");
    return ((to.cpuUsec ?? 0) - (from.cpuUsec ?? 0)) / 1000 / (performance.now() - start);
  };
  const before = await measure();
  assert.ok(Math.abs(before / 0.5 - 1) < 0.05, `0.5 asked, ${before} used`);
  cgroup.update({ cpus: 0.3 });
  const after = await measure();
  assert.ok(Math.abs(after / 0.3 - 1) < 0.05, `0.3 asked, ${after} used`);
  cgroup.kill();
  await once(child, "exit");
});

test("memory.max kills, is counted, and the peak stays below it", async () => {
  const cgroup = create("memory", { memory: 16 * MiB });
  const child = await shellIn(cgroup, "exec tail /dev/zero");
  const [, signal] = await once(child, "exit");
  assert.is(signal, "SIGKILL");
  assert.ok((cgroup.oomKills() ?? 0) >= 1);
  const peak = cgroup.finalCounters().memoryPeakBytes ?? 0;
  assert.ok(peak > 12 * MiB && peak <= 16 * MiB, `peak ${peak}`);
});

test("memory is not lowered below what is used", async () => {
  const cgroup = create("lower", { memory: 64 * MiB });
  const child = await shellIn(cgroup, "x=$(yes | head -c 12000000); echo held; read y");
  await once(child.stdout, "data");
  const refused = (thrown: unknown) => thrown instanceof GranuleError && thrown.code === "FAILED_PRECONDITION";
  assert.throws(() => cgroup.update({ memory: 7 * MiB }), refused);
  assert.is(controlText(cgroup, "memory.max"), String(64 * MiB));
  assert.ok(cgroup.populated, "and nobody was killed");
  cgroup.kill();
  await once(child, "exit");
});

test("cpuset holds a process to its CPUs", async () => {
  const cgroup = create("cpuset", { cpuset: "0" });
  const child = await shellIn(cgroup, "grep Cpus_allowed_list /proc/self/status");
  assert.match(await text(child.stdout), /\t0\n/);
});

test("a sample has every field", async () => {
  const cgroup = create("sampled", { memory: 64 * MiB });
  const child = await shellIn(cgroup, "echo up; read x");
  await once(child.stdout, "data");
  const sampler = native().createSampler(() => {});
  sampler.add({ key: 1, ...cgroup.samplerPaths, pid: process.pid });
  const row = sampler.read(1);
  sampler.stop();
  const missing = native().samplerColumns.filter((_, column) => Number.isNaN(row[column] ?? Number.NaN));
  assert.equal(missing, []);
  cgroup.kill();
  await once(child, "exit");
});

test.run();

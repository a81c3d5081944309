import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native, type SamplerTarget } from "../../src/native.js";
import { shellIn, testTree } from "./helpers.js";

/** One row by column name, read once. */
function readOnce(target: Omit<SamplerTarget, "key">): Record<string, number> {
  const sampler = native().createSampler(() => {});
  try {
    sampler.add({ key: 7, ...target });
    const row = sampler.read(7);
    return Object.fromEntries(native().samplerColumns.map((name, i) => [name, row[i] ?? Number.NaN]));
  } finally {
    sampler.stop();
  }
}

/** Files as a kernel prints them; the sampler cares for paths alone. */
function recorded(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "granule-sampler-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  folders.push(folder);
  return folder;
}
const folders: string[] = [];

const test = suite("sampler");

test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

test("every v2 file comes out in its column", () => {
  const unified = recorded({
    "cpu.stat":
      "usage_usec 5000017\nuser_usec 4000000\nsystem_usec 1000017\nnice_usec 0\n" +
      "nr_periods 10\nnr_throttled 4\nthrottled_usec 777\nnr_bursts 0\nburst_usec 0\n",
    "memory.current": "104857600\n",
    "memory.peak": "209715200\n",
    "memory.stat": "anon 4096\nfile 8192\nkernel 1\nactive_file 2\ninactive_file 12288\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 5\noom_kill 2\noom_group_kill 1\n",
    "pids.current": "13\n",
    "io.stat":
      "8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=9 dios=9\n259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:0 \n",
    "cpu.pressure":
      "some avg10=1.17 avg60=0.00 avg300=0.00 total=12345\nfull avg10=0.03 avg60=0.00 avg300=0.00 total=678\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  });
  const row = readOnce({ unified });
  const wanted = {
    key: 7,
    usageUsec: 5_000_017,
    userUsec: 4_000_000,
    systemUsec: 1_000_017,
    throttledUsec: 777,
    memoryCurrent: 104_857_600,
    memoryPeak: 209_715_200,
    memoryAnon: 4096,
    memoryFile: 8192,
    memoryInactiveFile: 12_288,
    oomKills: 2,
    pids: 13,
    ioReadBytes: 101,
    ioWriteBytes: 202,
    ioReads: 6,
    ioWrites: 8,
    cpuSomeAvg10: 1.17,
    cpuSomeTotalUsec: 12_345,
    cpuFullAvg10: 0.03,
    cpuFullTotalUsec: 678,
    memorySomeAvg10: 0,
    memorySomeTotalUsec: 0,
  };
  for (const [name, value] of Object.entries(wanted)) assert.is(row[name], value, name);
  for (const name of ["memoryFullAvg10", "ioSomeAvg10", "netRxBytes"]) assert.ok(Number.isNaN(row[name]), name);
});

test("v1 files come out in the same columns and units", () => {
  const unified = recorded({ "cpu.stat": "usage_usec 10\nuser_usec 6\nsystem_usec 4\n" });
  const cpu = recorded({ "cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 3000000\n" });
  const memory = recorded({
    "memory.usage_in_bytes": "4096\n",
    "memory.max_usage_in_bytes": "8192\n",
    "memory.stat": "cache 1\nrss 1\ntotal_cache 20\ntotal_rss 10\ntotal_inactive_file 15\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
  });
  const pids = recorded({ "pids.current": "3\n" });
  const blkio = recorded({
    "blkio.throttle.io_service_bytes_recursive":
      "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\n7:0 Read 1\nTotal 31\n",
    "blkio.throttle.io_serviced_recursive": "8:0 Read 2\n8:0 Write 3\nTotal 5\n",
  });
  const row = readOnce({ unified, cpu, memory, pids, blkio });
  const wanted = {
    usageUsec: 10,
    throttledUsec: 3000,
    memoryCurrent: 4096,
    memoryPeak: 8192,
    memoryAnon: 10,
    memoryFile: 20,
    memoryInactiveFile: 15,
    oomKills: 1,
    pids: 3,
    ioReadBytes: 11,
    ioWriteBytes: 20,
    ioReads: 2,
    ioWrites: 3,
  };
  for (const [name, value] of Object.entries(wanted)) assert.is(row[name], value, name);
});

test("what is cut off or no number is absent, never half a number", () => {
  const unified = recorded({
    "pids.current": "12",
    "memory.current": "max\n",
    "cpu.stat": "usage_usec 1\nuser_usec 22",
  });
  const row = readOnce({ unified });
  assert.ok(Number.isNaN(row["pids"]));
  assert.ok(Number.isNaN(row["memoryCurrent"]));
  assert.is(row["usageUsec"], 1);
  assert.ok(Number.isNaN(row["userUsec"]));
});

test("network is the sum over all interfaces but lo", () => {
  const row = readOnce({ pid: process.pid });
  const wanted = [0, 0, 0, 0];
  for (const line of readFileSync("/proc/self/net/dev", "utf8").split("\n").slice(2)) {
    const [name = "", counters = ""] = line.trim().split(":");
    if (name === "lo" || name === "") continue;
    const numbers = counters.trim().split(/\s+/).map(Number);
    for (const [to, from] of [0, 1, 8, 9].entries()) wanted[to] = (wanted[to] ?? 0) + (numbers[from] ?? 0);
  }
  const [rxBytes = 0, rxPackets = 0, txBytes = 0] = wanted;
  // Traffic may come between the two reads.
  for (const [got, least] of [
    [row["netRxBytes"], rxBytes],
    [row["netRxPackets"], rxPackets],
    [row["netTxBytes"], txBytes],
  ]) {
    assert.ok(got !== undefined && least !== undefined && got <= least && least - got < 1e7, `${got} of ${least}`);
  }
});

test("ticks come on the whole second with the kernel's numbers of every target, and stop ends them", async () => {
  const tree = testTree();
  const cgroup = tree.create("sampled", { memory: 64 * 1024 * 1024, pids: 20 });
  const child = await shellIn(cgroup, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo idle; read x");
  await once(child.stdout, "data");
  const columns = native().samplerColumns;
  const keepAlive = setInterval(() => {}, 1000);
  let onTick: (rows: Float64Array) => void = () => {};
  const tick = new Promise<Float64Array>((resolve) => (onTick = resolve));
  const sampler = native().createSampler((rows) => onTick(rows));
  try {
    sampler.add({ key: 1, ...cgroup.samplerPaths });
    sampler.add({ key: 2, unified: "/nonexistent" });
    sampler.add({ key: 3, ...cgroup.samplerPaths });
    sampler.remove(3);
    const rows = await tick;
    assert.is(rows.length, 2 * columns.length);
    const at = [0, 1].find((row) => rows[row * columns.length] === 1) ?? 0;
    const value = (name: string) => rows[at * columns.length + columns.indexOf(name)] ?? Number.NaN;
    assert.ok(value("timeNsec") < 100_000_000, `read ${value("timeNsec")} ns after the second`);
    assert.ok(Math.abs(value("timeSec") - Date.now() / 1000) < 2);
    assert.is(value("usageUsec"), cgroup.finalCounters().cpuUsec);
    assert.is(value("memoryPeak"), cgroup.finalCounters().memoryPeakBytes);
    assert.is(value("pids"), 1);
    assert.is(value("oomKills"), 0);
  } finally {
    sampler.stop();
    clearInterval(keepAlive);
    cgroup.kill();
    await cgroup.remove();
    tree.removeIfEmpty();
  }
  assert.not.ok(readdirSync("/proc/self/task").some((task) => comm(task) === "granule-sampler\n"));
});

const comm = (task: string) => readFileSync(`/proc/self/task/${task}/comm`, "utf8");

test("memory.stat is read again as soon as anything ran or was charged, and by a read at any time", async () => {
  const write = (usage: number, current: number, anon: number) => {
    writeFileSync(join(folder, "cpu.stat"), `usage_usec ${usage}\n`);
    writeFileSync(join(folder, "memory.current"), `${current}\n`);
    writeFileSync(join(folder, "memory.stat"), `anon ${anon}\n`);
  };
  const folder = recorded({});
  write(1, 10, 100);
  const anon = native().samplerColumns.indexOf("memoryAnon");
  let onTick: (rows: Float64Array) => void = () => {};
  const next = () => new Promise<number | undefined>((resolve) => (onTick = (rows) => resolve(rows[anon])));
  const keepAlive = setInterval(() => {}, 1000);
  const sampler = native().createSampler((rows) => onTick(rows));
  try {
    sampler.add({ key: 1, unified: folder });
    assert.is(await next(), 100);
    write(1, 10, 200);
    assert.is(await next(), 100);
    assert.is(sampler.read(1)[anon], 200);
    write(2, 10, 300);
    assert.is(await next(), 300);
    write(2, 11, 400);
    assert.is(await next(), 400);
  } finally {
    sampler.stop();
    clearInterval(keepAlive);
  }
});

test("a container that is gone gives a row without values", async () => {
  const tree = testTree();
  const cgroup = tree.create("gone", {});
  const sampler = native().createSampler(() => {});
  sampler.add({ key: 1, ...cgroup.samplerPaths });
  await cgroup.remove();
  tree.removeIfEmpty();
  const row = sampler.read(1);
  sampler.stop();
  assert.is(row[0], 1);
  assert.ok([...row.slice(3)].every(Number.isNaN));
  assert.ok([...sampler.read(1)].every(Number.isNaN), "no target once stopped");
});

test("a file that cannot be opened is an error with its path", () => {
  const folder = recorded({});
  mkdirSync(join(folder, "x"));
  const file = recorded({ plain: "" });
  const sampler = native().createSampler(() => {});
  assert.throws(
    () => sampler.add({ key: 1, unified: join(file, "plain") }),
    (thrown: NodeJS.ErrnoException) => thrown.code === "ENOTDIR" && thrown.path?.endsWith("plain/cpu.stat"),
  );
  sampler.stop();
  sampler.stop();
});

test.run();

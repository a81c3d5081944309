import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { ContainerCgroup } from "../src/cgroup/container.js";
import { CgroupTree } from "../src/cgroup/tree.js";
import { type Reading, Sampler } from "../src/meter/samples.js";
import type { Series } from "./harness/answer.js";
import type { Bench, Question } from "./harness/question.js";

const limits = { cpus: 0.5, memory: 64 * 1024 * 1024, pids: 64 };

export const question: Question = {
  asks: "What share of a core does sampling containers each second take, JavaScript's part included?",
  ground: "host",
  async run(bench) {
    const series: Series[] = [];
    for (const containers of [100, 300, 1000]) {
      for (const [subject, batch] of Object.entries(await sample(bench, containers))) {
        series.push({ subject, name: names[subject as keyof Shares], at: containers, batches: [batch] });
      }
    }
    return [
      {
        key: "sampling.share",
        title: "share of one core, all fields, each second",
        unit: "share",
        better: "lower",
        axis: "containers",
        series,
      },
    ];
  },
};

/** The share of a core in each of some seconds: the sampler's thread and the event loop together. */
interface Shares {
  granule: number[];
  read: number[];
  busy: number[];
}

const names: Record<keyof Shares, string> = {
  granule: "idle containers, metered",
  read: "idle, metered, and every sample read",
  busy: "read in full, as those that all ran",
};

async function sample(bench: Bench, containers: number): Promise<Shares> {
  const tree = new CgroupTree();
  const made: ContainerCgroup[] = [];
  const { shell, pids } = await sleepers(containers);
  let tick: () => void = () => {};
  const sampler = new Sampler((readings) => {
    meter(readings);
    tick();
  });
  const next = () => new Promise<void>((resolve) => (tick = resolve));
  const keepAlive = setInterval(() => {}, 1000);
  try {
    tree.prepare();
    for (const [i, pid] of pids.entries()) {
      const cgroup = tree.create(`c${i}`, limits);
      made.push(cgroup);
      sampler.add(cgroup.id, { ...cgroup.samplerPaths, pid }, true);
    }
    await next();
    const ticks = bench.count(10, 5);
    const shares: Shares = { granule: [], read: [], busy: [] };
    bench.progress(`${containers} containers: metered`);
    shares.granule = await each(ticks, next);
    bench.progress(`${containers} containers: every sample read`);
    const abort = new AbortController();
    const reading = readAll(sampler, abort.signal);
    await next();
    shares.read = await each(ticks, next);
    abort.abort();
    await reading;
    bench.progress(`${containers} containers: read in full`);
    for (let i = 0; i < ticks; i++) {
      await next();
      const before = nanoseconds(process.pid);
      for (const { id } of made) sampler.current(id);
      shares.busy.push((nanoseconds(process.pid) - before) / 1e9);
    }
    return shares;
  } finally {
    clearInterval(keepAlive);
    sampler.close();
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    for (const cgroup of made) await cgroup.remove();
    tree.removeIfEmpty();
  }
}

async function each(ticks: number, next: () => Promise<void>): Promise<number[]> {
  const thread = samplerThread();
  const spent = () => nanoseconds(thread) + nanoseconds(process.pid);
  const shares: number[] = [];
  let before = spent();
  while (shares.length < ticks) {
    await next();
    const now = spent();
    shares.push((now - before) / 1e9);
    before = now;
  }
  return shares;
}

/** CPU time of a thread of this process, from its schedstat (kernel: scheduler/sched-stats.rst). */
export const nanoseconds = (thread: string | number) =>
  Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ")[0]);

export function samplerThread(): string {
  const named = (task: string) => readFileSync(`/proc/self/task/${task}/comm`, "utf8") === "granule-sampler\n";
  const found = readdirSync("/proc/self/task").find(named);
  if (found === undefined) throw new Error("the sampler has no thread");
  return found;
}

/** Processes that sleep, each in a network namespace of its own; all end with the shell's process group. */
export async function sleepers(count: number): Promise<{ shell: ChildProcess; pids: number[] }> {
  const script = `i=0; while [ $i -lt ${count} ]; do unshare --net sleep 600 & echo $!; i=$((i+1)); done; wait`;
  const shell = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const pids: number[] = [];
  for await (const line of createInterface(shell.stdout)) if (pids.push(Number(line)) === count) break;
  return { shell, pids };
}

/** What usage needs of each tick, whether anybody reads samples or not. */
function meter(readings: Iterable<Reading>): number {
  let bytes = 0;
  for (const { row } of readings) bytes += row.usageUsec + row.at(row.columns.memoryCurrent);
  return bytes;
}

async function readAll(sampler: Sampler, signal: AbortSignal): Promise<void> {
  for await (const sample of sampler.subscribe({ signal })) sample.cpu.usageUsec += 0;
}

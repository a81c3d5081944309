import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { ContainerCgroup } from "../src/cgroup/container.js";
import { CgroupTree } from "../src/cgroup/tree.js";
import { native } from "../src/native.js";
import type { Series } from "./harness/answer.js";
import type { Bench, Question } from "./harness/question.js";

const limits = { cpus: 0.5, memory: 64 * 1024 * 1024, pids: 64 };

export const question: Question = {
  asks: "What share of a core does sampling idle containers each second take?",
  ground: "host",
  async run(bench) {
    const shares: Series[] = [];
    for (const containers of [100, 300, 1000]) {
      shares.push({ subject: "granule", name: "granule", at: containers, batches: [await sample(bench, containers)] });
    }
    return [
      {
        key: "sampling.share",
        title: "share of one core, all fields, each second",
        unit: "share",
        better: "lower",
        axis: "containers",
        series: shares,
      },
    ];
  },
};

/** The share of a core in each of some seconds. */
async function sample(bench: Bench, containers: number): Promise<number[]> {
  const tree = new CgroupTree();
  const made: ContainerCgroup[] = [];
  let sampler: ReturnType<ReturnType<typeof native>["createSampler"]> | undefined;
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  await once(child, "spawn");
  const keepAlive = setInterval(() => {}, 1000);
  try {
    tree.prepare();
    for (let i = 0; i < containers; i++) made.push(tree.create(`c${i}`, limits));
    let tick: () => void = () => {};
    sampler = native().createSampler(() => tick());
    const next = () => new Promise<void>((resolve) => (tick = resolve));
    for (const [key, cgroup] of made.entries()) sampler.add({ key, ...cgroup.samplerPaths, pid: child.pid ?? 0 });
    await next();
    const shares: number[] = [];
    let before = samplerNanoseconds();
    const ticks = bench.count(10, 5);
    while (shares.length < ticks) {
      bench.progress(`${containers} containers, second ${shares.length + 1} of ${ticks}`);
      await next();
      const now = samplerNanoseconds();
      shares.push((now - before) / 1e9);
      before = now;
    }
    return shares;
  } finally {
    clearInterval(keepAlive);
    sampler?.stop();
    child.kill();
    for (const cgroup of made) await cgroup.remove();
    tree.removeIfEmpty();
  }
}

/** CPU time of the sampler's thread, from its schedstat (kernel: scheduler/sched-stats.rst). */
function samplerNanoseconds(): number {
  for (const task of readdirSync("/proc/self/task")) {
    if (readFileSync(`/proc/self/task/${task}/comm`, "utf8") !== "granule-sampler\n") continue;
    return Number(readFileSync(`/proc/self/task/${task}/schedstat`, "utf8").split(" ")[0]);
  }
  throw new Error("the sampler has no thread");
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { ContainerCgroup } from "../src/cgroup/container.js";
import { CgroupTree } from "../src/cgroup/tree.js";
import { native } from "../src/native.js";

const containers = 1000;
const ticks = 5;
const limits = { cpus: 0.5, memory: 64 * 1024 * 1024, pids: 64 };

/** CPU time of the sampler's thread in milliseconds, from its schedstat (kernel: scheduler/sched-stats.rst). */
function samplerMilliseconds(): number {
  for (const task of readdirSync("/proc/self/task")) {
    if (readFileSync(`/proc/self/task/${task}/comm`, "utf8") !== "granule-sampler\n") continue;
    return Number(readFileSync(`/proc/self/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  }
  throw new Error("the sampler has no thread");
}

/** How much of a core does sampling a thousand idle containers each second take? */
export async function benchSampling(): Promise<void> {
  process.env["GRANULE_CGROUP"] = `granule-bench-${process.pid}`;
  const tree = new CgroupTree();
  const made: ContainerCgroup[] = [];
  let sampler: ReturnType<ReturnType<typeof native>["createSampler"]> | undefined;
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  await once(child, "spawn");
  try {
    tree.prepare();
    for (let i = 0; i < containers; i++) made.push(tree.create(`c${i}`, limits));
    let tick: () => void = () => {};
    sampler = native().createSampler(() => tick());
    const next = () => new Promise<void>((resolve) => (tick = resolve));
    const keepAlive = setInterval(() => {}, 1000);
    for (const [key, cgroup] of made.entries()) sampler.add({ key, ...cgroup.samplerPaths, pid: child.pid ?? 0 });
    await next();
    const start = samplerMilliseconds();
    for (let i = 0; i < ticks; i++) await next();
    const perTick = (samplerMilliseconds() - start) / ticks;
    clearInterval(keepAlive);
    const micros = ((perTick * 1000) / containers).toFixed(1);
    console.log(
      `${containers} idle containers, all fields: ${micros} us each, ${(perTick / 10).toFixed(2)} % of a core at 1 Hz`,
    );
  } finally {
    sampler?.stop();
    child.kill();
    for (const cgroup of made) await cgroup.remove();
    tree.removeIfEmpty();
  }
}

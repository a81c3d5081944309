import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Runtime } from "../src/api.js";
import { type CgroupHost, detectCgroupHost } from "../src/cgroup/host.js";
import type { Measure, Series } from "./harness/answer.js";
import type { Bench, Question } from "./harness/question.js";
import { benchImage, openGranule } from "./peers/granule.js";
import { prepareHost } from "./peers/open.js";
import { payload } from "./peers/peer.js";

const asked = [0.1, 0.25, 0.5, 1, 1.5, 2];
const windowMs = 1000;
const settleMs = 300;
const memory = 64 * 2 ** 20;

export const question: Question = {
  asks: "How near do containers come to the vCPUs they were given, and how soon is one seen to be out of memory?",
  ground: "host",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const { bindings } = detectCgroupHost();
    const measures: Measure[] = [];
    if (bindings.cpu.version === "absent")
      bench.missing({ subject: "vCPUs", reason: "this host has no cpu controller" });
    else measures.push(...(await cpuMeasures(bench, runtime)));
    if (bindings.memory.version === "absent")
      bench.missing({ subject: "OOM", reason: "this host has no memory controller" });
    else measures.push(await oomMeasure(bench, runtime));
    return measures;
  },
};

async function cpuMeasures(bench: Bench, runtime: Runtime): Promise<Measure[]> {
  const possible = asked.filter((cpus) => cpus <= availableParallelism());
  const series: Series[] = [];
  for (const cpus of possible) {
    bench.progress(`${cpus} vCPUs`);
    series.push({ subject: "granule", name: "granule", at: cpus, batches: [await spin(bench, runtime, cpus)] });
  }
  const common = { better: "lower", axis: "vCPUs asked" } as const;
  return [
    {
      ...common,
      key: "enforce.vcpus",
      title: "vCPUs used by a container that wants more, over a second",
      unit: "cores",
      series,
    },
    {
      ...common,
      key: "enforce.error",
      title: "how far from what was asked, either way",
      unit: "share",
      series: series.map((each) => ({
        ...each,
        batches: each.batches.map((batch) => batch.map((used) => Math.abs(used / (each.at ?? used) - 1))),
      })),
    },
  ];
}

/** vCPUs of a container in each of some seconds, by the kernel's own count and this process's clock. */
async function spin(bench: Bench, runtime: Runtime, cpus: number): Promise<number[]> {
  const windows = bench.count(5, 3);
  const milliseconds = String(2 * settleMs + (windows + 5) * windowMs);
  const processes = String(Math.ceil(cpus) + (cpus < availableParallelism() ? 1 : 0));
  const container = await runtime.containers.run({
    image: benchImage,
    cpus,
    command: [payload, "spin", milliseconds, processes],
  });
  const usage = usageReader(detectCgroupHost(), container.id);
  const used: number[] = [];
  try {
    await setTimeout(settleMs);
    while (used.length < windows) {
      const [before, at] = [usage(), process.hrtime.bigint()];
      await setTimeout(windowMs);
      used.push(((usage() - before) * 1000) / Number(process.hrtime.bigint() - at));
    }
  } finally {
    await container.remove({ force: true });
  }
  return used;
}

/** CPU time of a container's cgroup in microseconds, read past granule's own sampler (cgroup-v2.rst, cpu.stat). */
function usageReader({ base = "", name }: CgroupHost, id: string): () => number {
  const file = join(base, name, id, "cpu.stat");
  return () => Number(/^usage_usec (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1]);
}

/** From the last time that a container wrote while it filled its memory to its end seen in JavaScript. */
async function oomMeasure(bench: Bench, runtime: Runtime): Promise<Measure> {
  const latencies: number[] = [];
  const count = bench.count(30, 10);
  while (latencies.length < count) {
    bench.progress(`${latencies.length} of ${count} out of memory`);
    const container = await runtime.containers.run({
      image: benchImage,
      memory,
      command: [payload, "eat", String(2 * memory)],
    });
    const exit = await container.wait();
    const seen = process.hrtime.bigint();
    if (!exit.oomKilled) throw new Error(`out of memory, and yet the end was ${exit.signal ?? exit.code}`);
    let last = "0";
    for await (const line of container.logs({ tail: 1 })) last = Buffer.from(line.data).toString();
    latencies.push(Number(seen - BigInt(last)));
    await container.remove();
  }
  return {
    key: "enforce.oom",
    title: "last sign of life to the end seen as out of memory",
    unit: "ns",
    better: "lower",
    series: [{ subject: "granule", name: "granule", batches: [latencies] }],
  };
}

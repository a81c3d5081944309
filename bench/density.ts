import { setTimeout } from "node:timers/promises";
import type { Measure, Series } from "./harness/answer.js";
import { availableBytes, kernelBytes, parentOf, pssBytes } from "./harness/memory.js";
import type { Question } from "./harness/question.js";
import { Standing } from "./harness/standing.js";
import { benchImage, openGranule } from "./peers/granule.js";
import { prepareHost } from "./peers/open.js";

const settleMs = 500;
/** Shrinking by less than this in that time is no more than what any host does. */
const settledBytes = 2 ** 20;
const mostLooks = 8;

interface Level {
  containers: number;
  monitorPss: number[];
  payloadPss: number[];
  nodePss: number;
  kernel: number;
  available: number;
}

export const question: Question = {
  asks: "What memory does an idle container cost, beyond its own?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const standing = new Standing(bench, runtime, { image: benchImage });
    // What the first container loads and opens is no part of what each costs.
    await standing.growTo(10);
    await standing.shrinkTo(0);
    const base = await look([], 0);
    const levels: Level[] = [];
    for (const count of bench.options.short ? [100, 1000] : [100, 500, 1000]) {
      const [failed] = await standing.growTo(count);
      if (failed !== undefined) throw failed;
      bench.progress(`weighing ${count}`);
      const pids = await Promise.all(standing.containers.map(async (each) => (await each.inspect()).pid));
      levels.push(
        await look(
          pids.filter((pid) => pid !== undefined),
          count,
        ),
      );
    }
    await standing.shrinkTo(0);
    bench.note("kernel memory is the growth of the host's own in the meantime: whatever else ran weighs in");
    return measures(base, levels);
  },
};

async function look(pids: number[], containers: number): Promise<Level> {
  globalThis.gc?.();
  const kernel = await settledKernelBytes();
  return {
    containers,
    monitorPss: pids.map((pid) => pssBytes(parentOf(pid))),
    payloadPss: pids.map(pssBytes),
    nodePss: pssBytes(process.pid),
    kernel,
    available: availableBytes(),
  };
}

/** Kernel memory once it has stopped to shrink: much is given back only after grace periods. */
async function settledKernelBytes(): Promise<number> {
  let bytes = kernelBytes();
  for (let looks = 0; looks < mostLooks; looks++) {
    await setTimeout(settleMs);
    const now = kernelBytes();
    if (now > bytes - settledBytes) return now;
    bytes = now;
  }
  // A busy host never comes to rest: what it does then is part of the spread that the values show.
  return bytes;
}

function measures(base: Level, levels: Level[]): Measure[] {
  const common = { unit: "bytes", better: "lower", axis: "containers" } as const;
  const series = (pick: (level: Level) => number[]): Series[] =>
    levels.map((level) => ({ subject: "granule", name: "granule", at: level.containers, batches: [pick(level)] }));
  const kernel = (level: Level): number => (level.kernel - base.kernel) / level.containers;
  const node = (level: Level): number => (level.nodePss - base.nodePss) / level.containers;
  return [
    { ...common, key: "density.monitor", title: "monitor, PSS", series: series((level) => level.monitorPss) },
    {
      ...common,
      key: "density.payload",
      title: "the payload itself, PSS",
      series: series((level) => level.payloadPss),
    },
    {
      ...common,
      key: "density.node",
      title: "growth of the one node process, PSS a container",
      series: series((level) => [node(level)]),
    },
    {
      ...common,
      key: "density.kernel",
      title: "kernel memory a container",
      series: series((level) => [kernel(level)]),
    },
    {
      ...common,
      key: "density.whole",
      title: "monitor, node and kernel a container, without the payload",
      series: series((level) => level.monitorPss.map((pss) => pss + node(level) + kernel(level))),
    },
    {
      ...common,
      key: "density.available",
      title: "what the host has less to give (MemAvailable), a container with its payload",
      series: series((level) => [(base.available - level.available) / level.containers]),
    },
  ];
}

import { setTimeout } from "node:timers/promises";
import type { Measure, Series } from "./harness/answer.js";
import { availableBytes, kernelBytes, parentOf, pssBytes } from "./harness/memory.js";
import type { Bench, Question } from "./harness/question.js";
import { seriesOf, takeTurns } from "./harness/rounds.js";
import { Standing } from "./harness/standing.js";
import { benchImage, openGranule } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";
import type { PeerHost } from "./peers/peer.js";

const settleMs = 500;
/** Shrinking by less than this in that time is no more than what any host does. */
const settledBytes = 2 ** 20;
const mostLooks = 8;
/** Containers of each that are compared by their kernel memory. */
const comparedContainers = 100;

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
    const compared = await compareKernel(bench, host, standing);
    bench.note("kernel memory is the growth of the host's own in the meantime: whatever else ran weighs in");
    return measures(base, levels, compared);
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

/** Kernel memory a container, of all that can have idle ones, in turns: what one leaves in the slabs, the next one finds. */
async function compareKernel(bench: Bench, host: PeerHost, standing: Standing): Promise<Series[]> {
  const granule: Stander = {
    key: "granule",
    name: "granule",
    does: "monitor, overlay root",
    async stand(count) {
      const [failed] = count === 0 ? await standing.shrinkTo(0) : await standing.growTo(count);
      if (failed !== undefined) throw failed;
    },
  };
  const subjects = [granule, ...(await openPeers(host, "stand"))].map((peer) => ({
    key: peer.key,
    name: peer.name,
    does: peer === granule ? granule.does : "no monitor: nobody keeps its output or its exit; plain folder as root",
    at: comparedContainers,
    async batch(): Promise<number[]> {
      const before = await settledKernelBytes();
      await peer.stand(comparedContainers);
      bench.progress(`weighing ${comparedContainers} of ${peer.name}`);
      const each = ((await settledKernelBytes()) - before) / comparedContainers;
      await peer.stand(0);
      return [each];
    },
  }));
  const rounds = { count: bench.count(8, 5), batchSize: 1, warmUps: 1 };
  return seriesOf(await takeTurns(bench, subjects, rounds), (bytes) => bytes);
}

interface Stander {
  key: string;
  name: string;
  does: string;
  stand(count: number): Promise<void>;
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

function measures(base: Level, levels: Level[], compared: Series[]): Measure[] {
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
      key: "density.kernel-compared",
      title: "kernel memory a container, all in turns",
      reference: "crun",
      series: compared,
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

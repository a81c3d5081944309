import { setTimeout } from "node:timers/promises";
import type { Runtime } from "../src/api.js";
import { detectCgroupHost } from "../src/cgroup/host.js";
import type { Question } from "./harness/question.js";
import { inLanes, Standing } from "./harness/standing.js";
import { benchImage, openGranule } from "./peers/granule.js";
import { prepareHost } from "./peers/open.js";

const containers = 1000;
const stopSeconds = 30;

export const question: Question = {
  asks: "Can a thousand containers be started, sampled each second and stopped, without one error?",
  ground: "host",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const limits = enforceable();
    const standing = new Standing(bench, runtime, { image: benchImage, ...limits });
    const errors: unknown[] = [];
    const timed = async (act: () => Promise<unknown[]>): Promise<number> => {
      const before = performance.now();
      errors.push(...(await act()));
      return ((containers - errors.length) * 1000) / (performance.now() - before);
    };

    const startRate = await timed(() => standing.growTo(containers));
    bench.progress(`sampling ${containers}`);
    const { ticks, absent } = await sampleAll(
      runtime,
      new Set(standing.containers.map(({ id }) => id)),
      bench.count(10, 5),
    );
    const stopRate = await timed(() =>
      inLanes(standing.containers.length, async (index) => {
        const exit = await standing.containers[index]?.stop({ timeoutSeconds: stopSeconds });
        if (exit?.code !== 0) throw new Error(`a container ended with ${exit?.signal ?? exit?.code ?? exit?.reason}`);
      }),
    );
    errors.push(...(await standing.shrinkTo(0)));
    for (const error of errors.slice(0, 3))
      bench.note(`error: ${error instanceof Error ? error.message : String(error)}`);
    const names = Object.keys(limits);
    bench.note(
      `limits on each: ${names.length === 0 ? "none, for this host enforces none" : names.join(", ")}; 8 calls at once`,
    );
    const one = (value: number) => [{ subject: "granule", name: "granule", batches: [[value]] }];
    return [
      { key: "thousand.errors", title: "errors", unit: "count", better: "lower", series: one(errors.length) },
      {
        key: "thousand.absent",
        title: `samples that did not come, of ${ticks * containers}`,
        unit: "count",
        better: "lower",
        series: one(absent),
      },
      { key: "thousand.start", title: "started", unit: "/s", better: "higher", series: one(startRate) },
      {
        key: "thousand.stop",
        title: "stopped by SIGTERM, and seen",
        unit: "/s",
        better: "higher",
        series: one(stopRate),
      },
    ];
  },
};

/** The limits of a small container that this host can enforce. */
function enforceable(): { cpus?: number; memory?: number; pids?: number } {
  const { bindings } = detectCgroupHost();
  return {
    ...(bindings.cpu.version === "absent" ? {} : { cpus: 0.5 }),
    ...(bindings.memory.version === "absent" ? {} : { memory: 64 * 2 ** 20 }),
    ...(bindings.pids.version === "absent" ? {} : { pids: 64 }),
  };
}

/** Counts, over some whole seconds, the samples of containers that did not come. */
async function sampleAll(
  runtime: Runtime,
  ids: ReadonlySet<string>,
  ticks: number,
): Promise<{ ticks: number; absent: number }> {
  const abort = new AbortController();
  const seen = new Map<string, Set<string>>();
  const reading = (async () => {
    for await (const { id, time } of runtime.samples({ signal: abort.signal })) {
      const second = time.slice(0, 19);
      const those = seen.get(second) ?? new Set();
      if (ids.has(id)) seen.set(second, those.add(id));
    }
  })();
  await setTimeout((ticks + 2) * 1000);
  abort.abort();
  await reading;
  // The first and the last second may have been cut.
  const whole = [...seen.values()].slice(1, 1 + ticks);
  const absent = whole.reduce((sum, those) => sum + ids.size - those.size, (ticks - whole.length) * ids.size);
  return { ticks, absent };
}

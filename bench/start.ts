import type { Measure } from "./harness/answer.js";
import type { Question } from "./harness/question.js";
import { labelOf, seriesOf, takeTurns } from "./harness/rounds.js";
import { barePeer } from "./peers/bare.js";
import { GranulePeer, openGranule } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";

/** A runtime is a process that lives long: its code is compiled when it counts. */
const warmUps = 20;

export const question: Question = {
  asks: "How long is it from the call to the container's first instruction, and until its end is seen?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const granule = new GranulePeer(runtime, host);
    const others = [
      new GranulePeer(runtime, host, "warm"),
      new GranulePeer(await openGranule(host, 0), host, "nothing"),
    ];
    const peers = await openPeers(host, "starts");
    const plain = await openPeers(host, "starts", { root: "plain", only: ["crun"] });
    const count = bench.count(200, 50);

    const starts = await takeTurns(
      bench,
      [await barePeer(host), granule, ...others, ...peers, ...plain].map((peer) => ({
        ...labelOf(peer),
        batch: (size: number) => peer.starts?.(size) ?? Promise.resolve([]),
      })),
      { count, warmUps },
    );
    const stepwise = [granule, ...(await openPeers(host, "steps"))];
    const steps = await takeTurns(
      bench,
      stepwise.map((peer) => ({ ...labelOf(peer), batch: (size: number) => peer.steps(size) })),
      { count: Math.ceil(count / 2) },
    );

    const common = { unit: "ns", better: "lower", reference: "crun" } as const;
    const measures: Measure[] = [
      {
        ...common,
        key: "start.first-instruction",
        title: "call to first instruction",
        series: seriesOf(starts, (times) => times.firstInstructionNs),
      },
      {
        ...common,
        key: "start.exit-seen",
        title: "call to its end seen by the caller",
        series: seriesOf(starts, (times) => times.exitSeenNs),
      },
      { ...common, key: "start.create", title: "create alone", series: seriesOf(steps, (times) => times.createNs) },
      {
        ...common,
        key: "start.start",
        title: "start of a created container, to its first instruction",
        series: seriesOf(steps, (times) => times.startNs),
      },
      { ...common, key: "start.delete", title: "delete alone", series: seriesOf(steps, (times) => times.deleteNs) },
    ];
    return measures;
  },
};

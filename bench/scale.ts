import type { Series } from "./harness/answer.js";
import type { Question } from "./harness/question.js";
import { labelOf, type Measured, seriesOf, takeTurns } from "./harness/rounds.js";
import { Standing } from "./harness/standing.js";
import { benchImage, GranulePeer, openGranule } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";
import type { StartTimes } from "./peers/peer.js";

const levels = [0, 10, 100, 1000];
/** The first level would else be measured while code is compiled, and the others not. */
const warmUps = 20;

export const question: Question = {
  asks: "Does a start take longer where many containers stand already?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const standing = new Standing(bench, runtime, { image: benchImage });
    const peers = [new GranulePeer(runtime, host), ...(await openPeers(host, "starts", { only: ["crun"] }))];
    const count = Math.ceil(bench.count(100, 40) / 2);
    const measure = (at: number): Promise<Measured<StartTimes>[]> =>
      takeTurns(
        bench,
        peers.map((peer) => ({ ...labelOf(peer), at, batch: (size: number) => peer.starts(size) })),
        { count, warmUps },
      );

    // Up and down again, so that what the host drifts by meets every level twice.
    const measured: Measured<StartTimes>[] = [];
    for (const at of levels) {
      await fail(standing.growTo(at));
      measured.push(...(await measure(at)));
    }
    for (const at of levels.toReversed()) {
      if (at < standing.containers.length) await fail(standing.shrinkTo(at));
      measured.push(...(await measure(at)));
    }
    const series = merge(seriesOf(measured, (times) => times.firstInstructionNs));
    return [
      {
        key: "scale.first-instruction",
        title: "call to first instruction, with so many idle containers of granule's standing",
        unit: "ns",
        better: "lower",
        reference: "crun",
        axis: "standing",
        series,
      },
    ];
  },
};

/** The way up and the way down as one series. */
function merge(all: Series[]): Series[] {
  const merged = new Map<string, Series>();
  for (const series of all) {
    const key = `${series.subject} ${series.at}`;
    const known = merged.get(key);
    if (known) known.batches.push(...series.batches);
    else merged.set(key, { ...series, batches: [...series.batches] });
  }
  return [...merged.values()];
}

async function fail(acts: Promise<unknown[]>): Promise<void> {
  const [first] = await acts;
  if (first !== undefined) throw first;
}

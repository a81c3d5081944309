import type { Series } from "./harness/answer.js";
import type { Question } from "./harness/question.js";
import { labelOf, seriesOf, takeTurns } from "./harness/rounds.js";
import { GranulePeer, openGranule, POOL } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";

/** Containers that make one value: enough that lanes which end early weigh little. */
const containersEach = 48;
const lanesFull = [1, 2, 4, 8];
const lanesShort = [1, 4];

export const question: Question = {
  asks: "How many containers run to their end in a second, one and several at once?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const granule = new GranulePeer(await openGranule(host), host);
    const pooled = new GranulePeer(await openGranule(host, POOL), host, "pool");
    const unprepared = new GranulePeer(await openGranule(host, 0), host, "nothing");
    const peers = [granule, pooled, unprepared, ...(await openPeers(host, "parallel"))];
    const series: Series[] = [];
    for (const lanes of bench.options.short ? lanesShort : lanesFull) {
      const subjects = peers.map((peer) => ({
        ...labelOf(peer),
        at: lanes,
        async batch(count: number): Promise<number[]> {
          const rates: number[] = [];
          while (rates.length < count) {
            bench.progress(`${lanes} at once, ${peer.name}`);
            rates.push((containersEach * 1e9) / (await peer.parallel(containersEach, lanes)));
          }
          return rates;
        },
      }));
      const rounds = { count: bench.count(8, 5), batchSize: 1, warmUps: 1 };
      series.push(...seriesOf(await takeTurns(bench, subjects, rounds), (rate) => rate));
    }
    bench.note(`each value is of ${containersEach} containers, removed again within the time`);
    bench.note(
      "spares are made before and after each value; one burst behind another goes as if nothing were made ahead",
    );
    return [
      {
        key: "throughput.rate",
        title: "containers started, ended and removed",
        unit: "/s",
        better: "higher",
        reference: "crun",
        axis: "at once",
        series,
      },
    ];
  },
};

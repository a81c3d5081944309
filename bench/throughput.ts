import type { Series } from "./harness/answer.js";
import type { Question } from "./harness/question.js";
import { labelOf, seriesOf, takeTurns } from "./harness/rounds.js";
import { GranulePeer, openGranule, POOL } from "./peers/granule.js";
import { type Able, openPeers, prepareHost } from "./peers/open.js";

/** Containers that make one value: enough that lanes which end early weigh little. */
const containersEach = 48;
const lanesFull = [1, 2, 4, 8];
const lanesShort = [1, 4];

/** Far more than are prepared, and than leave things to be done behind: what a host does for as long as it is asked. */
const sustainedEach = 480;
const sustainedLanes = 4;

export const question: Question = {
  asks: "How many containers run to their end in a second, one and several at once?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const granule = new GranulePeer(await openGranule(host), host);
    const pooled = new GranulePeer(await openGranule(host, POOL), host, "pool");
    const unprepared = new GranulePeer(await openGranule(host, 0), host, "nothing");
    const others = await openPeers(host, "parallel");
    /** Containers a second of each peer. */
    const measure = async (
      peers: Able<"parallel">[],
      each: number,
      lanes: number,
      count: number,
    ): Promise<Series[]> => {
      const subjects = peers.map((peer) => ({
        ...labelOf(peer),
        at: lanes,
        async batch(size: number): Promise<number[]> {
          const rates: number[] = [];
          while (rates.length < size) {
            bench.progress(`${each} containers, ${lanes} at once, ${peer.name}`);
            rates.push((each * 1e9) / (await peer.parallel(each, lanes)));
          }
          return rates;
        },
      }));
      return seriesOf(await takeTurns(bench, subjects, { count, batchSize: 1, warmUps: 1 }), (rate) => rate);
    };

    const series: Series[] = [];
    for (const lanes of bench.options.short ? lanesShort : lanesFull) {
      series.push(
        ...(await measure([granule, pooled, unprepared, ...others], containersEach, lanes, bench.count(8, 5))),
      );
    }
    const crun = others.filter(({ key }) => key === "crun");
    const sustained = await measure([granule, ...crun], sustainedEach, sustainedLanes, bench.count(5, 3));
    bench.note(
      `a burst is of ${containersEach} containers, and ${sustainedEach} go on and on: each value has them all removed within its time`,
    );
    bench.note(
      "granule makes spares before and after a burst, and does what remains of its containers behind it: monitors, network namespaces, files",
    );
    const common = { unit: "/s", better: "higher", reference: "crun", axis: "at once" } as const;
    return [
      { ...common, key: "throughput.rate", title: "containers started, ended and removed, in a burst", series },
      { ...common, key: "throughput.sustained", title: "the same, on and on", series: sustained },
    ];
  },
};

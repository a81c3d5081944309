import type { Question } from "./harness/question.js";
import { labelOf, seriesOf, takeTurns } from "./harness/rounds.js";
import { GranulePeer, openGranule } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";

const doesHere = "called from JavaScript; a monitor of its own that relays the output and records the exit";

export const question: Question = {
  asks: "How long is it from the call to the first instruction of a further process in a running container?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const granule = new GranulePeer(await openGranule(host), host);
    bench.defer(() => granule.close());
    const peers = [granule, ...(await openPeers(host, "execs"))];
    const execs = await takeTurns(
      bench,
      peers.map((peer) => ({
        ...labelOf(peer),
        does: peer === granule ? doesHere : "command line; output as its own, and no record of the exit",
        batch: (size: number) => peer.execs(size),
      })),
      { count: bench.count(200, 50) },
    );
    const common = { unit: "ns", better: "lower", reference: "crun" } as const;
    return [
      {
        ...common,
        key: "exec.first-instruction",
        title: "call to first instruction",
        series: seriesOf(execs, (times) => times.firstInstructionNs),
      },
      {
        ...common,
        key: "exec.exit-seen",
        title: "call to its end seen by the caller",
        series: seriesOf(execs, (times) => times.exitSeenNs),
      },
    ];
  },
};

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { Caller, openSocket } from "./channel/caller.js";
import { idleMemory } from "./channel/idle.js";
import { BenchServer } from "./channel/server.js";
import { streamRates } from "./channel/stream.js";
import { lateness } from "./channel/subscribers.js";
import type { Measure, Series } from "./harness/answer.js";
import type { Bench, Question } from "./harness/question.js";

const IN_FLIGHT = 64;
const PER_SECOND = 20_000;

export const question: Question = {
  asks: "What does the control channel carry on one core: calls, container output, idle connections, subscribers?",
  ground: "host",
  async run(bench) {
    leaveTheServersCore();
    const server = await BenchServer.open(bench);
    const measures = await calls(bench, server);
    measures.push(...(await streamRates(bench, server)));
    measures.push(await lateness(bench, server));
    measures.push(await idleMemory(bench));
    bench.note(
      `The server is held to one core, its callers to the others. Paced calls come at ${PER_SECOND} a second, evenly, with at most ${IN_FLIGHT} in flight, as from callers that do not wait for each other. In the closed loop ${IN_FLIGHT} are always in flight, so each waits for the ${IN_FLIGHT - 1} before it: its latency is ${IN_FLIGHT} divided by the rate, whatever the server does.`,
    );
    return measures;
  },
};

/** All threads of this process: callers that share the server's core are what its answers would wait for. */
function leaveTheServersCore(): void {
  const cores = availableParallelism();
  if (cores > 1) spawnSync("taskset", ["-a", "-c", "-p", `1-${cores - 1}`, String(process.pid)]);
}

/** `containers.inspect` over CBOR, in a closed loop and at an even pace. */
async function calls(bench: Bench, server: BenchServer): Promise<Measure[]> {
  const [id = ""] = await server.start(1);
  const socket = await openSocket(server.socket);
  const caller = new Caller(socket, "containers.inspect", { id });
  await caller.closed(20_000, IN_FLIGHT);
  const rates: number[][] = [];
  const closed: number[][] = [];
  const paced: number[][] = [];
  for (let round = 0; round < bench.count(5, 2); round++) {
    bench.progress(`calls, round ${round + 1}`);
    const loop = await caller.closed(40_000, IN_FLIGHT);
    rates.push([loop.perSecond]);
    closed.push(loop.latencies);
    paced.push((await caller.paced(PER_SECOND, 2, IN_FLIGHT)).latencies);
  }
  socket.terminate();
  const inspect = (batches: number[][], name: string, subject: string): Series => ({ subject, name, batches });
  return [
    {
      key: "channel.calls",
      title: `containers.inspect, ${IN_FLIGHT} in flight`,
      unit: "/s",
      better: "higher",
      series: [inspect(rates, "closed loop", "closed")],
    },
    {
      key: "channel.latency",
      title: "containers.inspect, request to answer",
      unit: "ns",
      better: "lower",
      series: [
        inspect(paced, `paced, ${PER_SECOND} a second`, "paced"),
        inspect(closed, `closed loop, ${IN_FLIGHT} in flight`, "closed"),
      ],
    },
  ];
}

import type { Measure } from "../harness/answer.js";
import type { Bench } from "../harness/question.js";
import { openSocket } from "./caller.js";
import { BenchServer } from "./server.js";

/** What a connection on which nothing happens costs the server. */
export async function idleMemory(bench: Bench): Promise<Measure> {
  const connections = 1000;
  const values: number[] = [];
  // A server of its own each time: memory that one has kept for later would hide what connections take.
  for (let round = 0; round < bench.count(3, 2); round++) {
    bench.progress(`${connections} idle connections, round ${round + 1}`);
    const server = await BenchServer.open(bench);
    const warm = await openSocket(server.socket);
    const before = await server.memoryBytes();
    const sockets: Awaited<ReturnType<typeof openSocket>>[] = [];
    for (let count = 0; count < connections; count++) sockets.push(await openSocket(server.socket));
    await new Promise((resolve) => setTimeout(resolve, 500));
    values.push(((await server.memoryBytes()) - before) / connections);
    for (const socket of [warm, ...sockets]) socket.terminate();
    await server.leave();
  }
  return {
    key: "channel.idle",
    title: "resident memory of an idle connection",
    unit: "bytes",
    better: "lower",
    series: [{ subject: "idle", name: `${connections} connections`, batches: values.map((value) => [value]) }],
  };
}

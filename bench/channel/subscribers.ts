import { createCodec } from "../../src/channel/codec.js";
import { SUBPROTOCOLS } from "../../src/channel/frames.js";
import type { SamplesItem } from "../../src/channel/items.js";
import type { Measure } from "../harness/answer.js";
import type { Bench } from "../harness/question.js";
import { openSocket } from "./caller.js";
import type { BenchServer } from "./server.js";

const codec = createCodec(SUBPROTOCOLS[0], { maxDepth: 99, maxValues: 1e6 });

/** How long after the second the samples of many containers are with each of many subscribers. */
export async function lateness(bench: Bench, server: BenchServer): Promise<Measure> {
  const subscribers = 500;
  const containers = 100;
  const ticks = bench.count(15, 5);
  bench.progress(`${containers} containers for ${subscribers} subscribers`);
  await server.start(containers);
  const late: number[][] = Array.from({ length: ticks }, () => []);
  const waiting: Promise<void>[] = [];
  const sockets: Awaited<ReturnType<typeof openSocket>>[] = [];
  for (let count = 0; count < subscribers; count++) {
    const socket = await openSocket(server.socket);
    sockets.push(socket);
    waiting.push(
      new Promise((resolve) => {
        let tick = 0;
        socket.on("message", (message: Buffer) => {
          if (message[1] !== 9) return;
          const now = Date.now();
          // One of them reads what came; for the others the time is enough.
          if (count === 0) {
            const { samples } = codec.decode(message)[2] as SamplesItem;
            if (samples.length < containers) throw new Error(`${samples.length} samples came`);
          }
          const second = Math.floor(firstTime(message) / 1000) * 1000;
          late[tick]?.push((now - second) * 1e6);
          if (++tick === ticks) resolve();
        });
      }),
    );
    socket.send(codec.encode([1, 1, "samples.subscribe", {}]));
  }
  await Promise.all(waiting);
  for (const socket of sockets) socket.terminate();
  return {
    key: "channel.samples",
    title: "samples with the subscriber, after the second",
    unit: "ns",
    better: "lower",
    series: [{ subject: "subscribers", name: `${containers} containers, ${subscribers} subscribers`, batches: late }],
  };
}

/** The time of the first sample of a message, in ms since 1970, without decoding the rest. */
function firstTime(message: Buffer): number {
  const at = message.indexOf("time") + "time".length;
  // The head of a text of 24 bytes or more takes two bytes.
  return Date.parse(message.toString("latin1", at + 2, at + 2 + (message[at + 1] ?? 0)));
}

import type { Attachment, MountOption } from "../../src/api.js";
import { connect } from "../../src/channel/connect.js";
import type { Measure } from "../harness/answer.js";
import { payloadPath } from "../harness/paths.js";
import type { Bench } from "../harness/question.js";
import type { BenchServer } from "./server.js";

const image = "granule/base:latest";
const seconds = 2;

/** Lines without end, many at a write: what is measured is the way, and not who makes them. */
const target = "/payload";
const mounts: MountOption[] = [{ type: "bind", source: payloadPath, target, readOnly: true }];
const flood = [target, "flood", String(1e15)];

/** Output of a container through the server to a reader that takes all of it. */
export async function streamRates(bench: Bench, server: BenchServer): Promise<Measure[]> {
  const client = await connect(`unix:${server.socket}`, { reconnect: false });
  const rounds = bench.count(7, 2);
  const exec: number[][] = [];
  const attach: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    bench.progress(`output, round ${round + 1}`);
    // Whoever writes outlives the reader that leaves, and ends with its container: each round has one of its own.
    const sleeper = await client.containers.run({ image, mounts, command: ["sleep", "100000"] });
    exec.push([await rate(await sleeper.exec({ command: flood }))]);
    await sleeper.remove({ force: true });
    const writer = await client.containers.create({ image, mounts, command: flood });
    const attachment = await writer.attach({ stdin: false });
    await writer.start();
    attach.push([await rate(attachment)]);
    await writer.remove({ force: true });
  }
  await client.close();
  bench.note(
    "Output is in lines of 100 bytes; the writer and the container's monitor share the server's core. The goal is asked of exec. What attach reads goes to the log first, each line with its time and stream.",
  );
  return [
    {
      key: "channel.stream",
      title: "container stdout to a reader",
      unit: "bytes/s",
      better: "higher",
      series: [
        { subject: "exec", name: "exec", batches: exec },
        { subject: "attach", name: "attach, which is logged too", batches: attach },
      ],
    },
  ];
}

/** Bytes a second, from the first byte on. */
async function rate(attachment: Attachment): Promise<number> {
  let bytes = 0;
  let begun: number | undefined;
  for await (const { data } of attachment.output) {
    begun ??= performance.now();
    bytes += data.length;
    if (performance.now() - begun > seconds * 1000) break;
  }
  const took = performance.now() - (begun ?? 0);
  await attachment.detach();
  return (bytes * 1000) / took;
}

import type { Attachment } from "../../src/api.js";
import { connect } from "../../src/channel/connect.js";
import type { Measure } from "../harness/answer.js";
import type { Bench } from "../harness/question.js";
import type { BenchServer } from "./server.js";

const ZEROS = ["dd", "if=/dev/zero", "bs=64k"];

/** Output of a container through the server to a reader that takes all of it. */
export async function streamRates(bench: Bench, server: BenchServer): Promise<Measure[]> {
  const client = await connect(`unix:${server.socket}`, { reconnect: false });
  const image = "granule/base:latest";
  const rounds = bench.count(5, 2);
  const seconds = 2;
  const exec: number[][] = [];
  const attach: number[][] = [];
  const sleeper = await client.containers.run({ image, command: ["sleep", "100000"] });
  for (let round = 0; round < rounds; round++) {
    bench.progress(`output, round ${round + 1}`);
    exec.push([await rate(await sleeper.exec({ command: ZEROS }), seconds)]);
    const writer = await client.containers.create({ image, command: ZEROS });
    const attachment = await writer.attach({ stdin: false });
    await writer.start();
    attach.push([await rate(attachment, seconds)]);
    await writer.remove({ force: true });
  }
  await sleeper.remove({ force: true });
  await client.close();
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
async function rate(attachment: Attachment, seconds: number): Promise<number> {
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

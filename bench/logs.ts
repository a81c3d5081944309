import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Container, Runtime } from "../src/api.js";
import type { Question } from "./harness/question.js";
import { type Subject, seriesOf, takeTurns } from "./harness/rounds.js";
import { benchImage, openGranule } from "./peers/granule.js";
import { openPeers, prepareHost } from "./peers/open.js";
import { payload } from "./peers/peer.js";

/** Of whole lines. */
const floodBytes = 32_000_000;
/** Nothing of it may rotate away. */
const logMaxBytes = 4 * floodBytes;
const command = [payload, "flood", String(floodBytes)];

export const question: Question = {
  asks: "How much output a second can a container write, and a caller read?",
  ground: "private",
  async run(bench) {
    const host = prepareHost(bench);
    const runtime = await openGranule(host);
    const toFile = join(bench.folder, "flood");
    const pipe = [join(host.rootfs, payload), ...command.slice(1)];
    const writers: Subject<number>[] = [
      {
        key: "granule",
        name: "granule, log",
        does: "each line with its time and stream, in the log on disk",
        batch: rates(() => flood(runtime)),
      },
      {
        key: "cat",
        name: "pipe, cat, file",
        does: "no container: the bytes alone, through a pipe to a file",
        batch: rates(async () => shell(pipe, toFile)),
      },
    ];
    for (const peer of await openPeers(host, "flood")) {
      const batch = rates(async () => shell(peer.flood(command), toFile));
      writers.push({
        key: peer.key,
        name: `${peer.name}, cat, file`,
        does: "the bytes alone, through a pipe to a file",
        batch,
      });
    }
    const rounds = { count: bench.count(20, 6), batchSize: 1, warmUps: 1 };
    const written = await takeTurns(bench, writers, rounds);

    const container = await runtime.containers.run({ image: benchImage, command, logMaxBytes });
    await container.wait();
    const readers: Subject<number>[] = [
      { key: "granule", name: "granule, logs()", batch: rates(() => readLog(container)) },
      { key: "granule-attach", name: "granule, attach()", batch: rates(() => attach(runtime)) },
    ];
    const read = await takeTurns(bench, readers, rounds);
    bench.note(`each value is of ${floodBytes / 1e6} MB in lines of 100 bytes`);
    const common = { unit: "bytes/s", better: "higher" } as const;
    return [
      {
        ...common,
        key: "logs.write",
        title: "written to disk, from the call to the end seen",
        reference: "cat",
        series: seriesOf(written, (rate) => rate),
      },
      { ...common, key: "logs.read", title: "read by the caller", series: seriesOf(read, (rate) => rate) },
    ];
  },
};

/** Bytes a second of an act that moves the whole flood. */
function rates(act: () => Promise<void>): (count: number) => Promise<number[]> {
  return async (count) => {
    const values: number[] = [];
    while (values.length < count) {
      const before = performance.now();
      await act();
      values.push((floodBytes * 1000) / (performance.now() - before));
    }
    return values;
  };
}

async function flood(runtime: Runtime): Promise<void> {
  const container = await runtime.containers.run({ image: benchImage, command, logMaxBytes });
  await container.wait();
  await container.remove();
}

function shell(words: string[], file: string): void {
  const { status, stderr } = spawnSync("sh", ["-c", `"$@" | cat > "$0"`, file, ...words], { encoding: "utf8" });
  if (status !== 0 || stderr !== "") throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`);
}

async function readLog(container: Container): Promise<void> {
  let bytes = 0;
  for await (const { data, partial } of container.logs()) bytes += data.length + (partial ? 0 : 1);
  if (bytes !== floodBytes) throw new Error(`the log has ${bytes} bytes of ${floodBytes}`);
}

async function attach(runtime: Runtime): Promise<void> {
  const container = await runtime.containers.create({ image: benchImage, command, logMaxBytes });
  await using attachment = await container.attach();
  await container.start();
  let bytes = 0;
  for await (const { data } of attachment.output) bytes += data.length;
  if (bytes !== floodBytes) throw new Error(`the attachment gave ${bytes} bytes of ${floodBytes}`);
  await container.wait();
  await container.remove();
}

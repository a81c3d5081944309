import { native } from "../src/native.js";
import type { Measure } from "./harness/answer.js";
import type { Question } from "./harness/question.js";
import { seriesOf, takeTurns } from "./harness/rounds.js";
import { benchImage } from "./unpack/image.js";
import { unpackers } from "./unpack/peers.js";

export const question: Question = {
  asks: "How long does an image of Debian and 45,000 small files take to unpack, and in how much memory?",
  ground: "private",
  async run(bench) {
    const images = benchImage((text) => bench.progress(text));
    bench.note("Each run has a fresh ext4 to itself, and starts and ends with its processes.");
    bench.note(`granule unpacks gzip by ${native().inflateLibrary}.`);
    const measures: Measure[] = [];
    for (const compression of ["gzip", "zstd"] as const) {
      const subjects = await unpackers(bench, compression, images[compression]);
      const measured = await takeTurns(bench, subjects, { count: bench.count(3, 1), batchSize: 1, warmUps: 0 });
      measures.push(
        {
          key: `unpack.${compression}`,
          title: `unpack, ${compression}`,
          unit: "ns",
          better: "lower",
          reference: compression === "gzip" ? "node-tar" : "bsdtar",
          series: seriesOf(measured, ({ ns }) => ns),
        },
        {
          key: `unpack.${compression}.cpu`,
          title: `CPU time of unpacking, ${compression}`,
          unit: "ns",
          better: "lower",
          reference: compression === "gzip" ? "node-tar" : "bsdtar",
          series: seriesOf(measured, ({ cpuNs }) => cpuNs),
        },
        {
          key: `unpack.${compression}.memory`,
          title: `largest resident size of the process, ${compression}`,
          unit: "bytes",
          better: "lower",
          series: seriesOf(
            measured.filter(({ batches }) => batches.flat().every(({ peakBytes }) => peakBytes !== undefined)),
            ({ peakBytes }) => peakBytes ?? Number.NaN,
          ),
        },
      );
    }
    return measures;
  },
};

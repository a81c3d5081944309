/**
 * Asks one question in this process, which was made for it: `node ask.js QUESTION OPTIONS_AS_JSON`. Prints the answer or
 * the failure as one line of JSON; progress goes to stderr.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { killChildren } from "../peers/command.js";
import { loadQuestion } from "../questions.js";
import type { Answer, Failure, Missing } from "./answer.js";
import { cgroupText, cpuStallUsec, folderText, loadNow } from "./host.js";
import { Progress } from "./progress.js";
import type { Bench, BenchOptions } from "./question.js";

async function ask(name: string, options: BenchOptions): Promise<Answer> {
  const question = await loadQuestion(name);
  const notes: string[] = [];
  const missing: Missing[] = [];
  const undo: (() => unknown)[] = [];
  const folder = mkdtempSync(join(options.folder, "granule-bench-"));
  // granule's own cgroup name is for those who use it beside this.
  process.env["GRANULE_CGROUP"] = `granule-bench-${process.pid}`;
  const progress = new Progress(name);
  const bench: Bench = {
    options,
    folder,
    count: (full, short) => options.count ?? (options.short ? short : full),
    progress: (text) => progress.show(text),
    note: (text) => void notes.push(text),
    missing(entry) {
      if (!missing.some(({ subject }) => subject === entry.subject)) missing.push(entry);
    },
    defer: (act) => void undo.push(act),
  };
  const tidy = async (): Promise<void> => {
    for (let act = undo.pop(); act !== undefined; act = undo.pop()) await act();
    unmountBelow(folder);
    rmSync(folder, { recursive: true, force: true });
    progress.clear();
  };
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // A terminal sends it to this process and to the parent, which hands it on.
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      killChildren();
      void tidy().finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
  const before = { load: loadNow(), stall: cpuStallUsec(), at: performance.now() };
  try {
    const measures = await question.run(bench);
    const seconds = (performance.now() - before.at) / 1000;
    const stall = cpuStallUsec();
    return {
      question: name,
      asks: question.asks,
      measures,
      missing,
      notes,
      ground: {
        cgroup: cgroupText(),
        folder: folderText(folder),
        loadBefore: before.load,
        loadAfter: loadNow(),
        ...(before.stall === undefined || stall === undefined
          ? {}
          : { cpuPressure: (stall - before.stall) / 1e6 / seconds }),
        seconds,
      },
    };
  } finally {
    await tidy();
  }
}

/** Unmounts what a command that was cut off left mounted in a folder, or a peer keeps mounted for good. */
function unmountBelow(folder: string): void {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) spawnSync("umount", ["-l", point]);
}

function failureOf(question: string, thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { question, error: process.env["GRANULE_DEBUG"] ? (error.stack ?? error.message) : error.message };
}

const [name = "", json = "{}"] = process.argv.slice(2);
const line = await ask(name, JSON.parse(json) as BenchOptions).catch((thrown: unknown) => failureOf(name, thrown));
process.stdout.write(`${JSON.stringify(line)}\n`);

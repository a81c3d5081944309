import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seedsOf, type Target } from "./seeds.js";

const built = fileURLToPath(new URL("../../../build/fuzz/", import.meta.url));

export interface FuzzRun {
  /** 0 where nothing was found. */
  code: number | null;
  /** Inputs that were tried. */
  runs: number;
  output: string;
}

/**
 * Runs one target (libFuzzer's options: llvm.org/docs/LibFuzzer.html). What it finds worth keeping stays in
 * build/fuzz/corpus-TARGET for the next run; an input that breaks it is left in build/fuzz as crash-*.
 */
export async function runTarget(target: Target, seconds: number, onOutput?: (text: string) => void): Promise<FuzzRun> {
  // Thousands of folders a second are for memory, not for a disk.
  const scratch = mkdtempSync(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "granule-fuzz-"));
  try {
    const seeds = join(scratch, "seeds");
    const work = join(scratch, "work");
    const corpus = join(built, `corpus-${target}`);
    for (const folder of [seeds, work, corpus]) mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(seedsOf(target))) writeFileSync(join(seeds, name), bytes);
    const limits = [`-max_total_time=${seconds}`, "-max_len=16384", "-timeout=20", "-rss_limit_mb=1024"];
    return await run(
      join(built, target),
      [corpus, seeds, ...limits, "-print_final_stats=1", `-artifact_prefix=${built}`],
      { ...process.env, GRANULE_FUZZ_FOLDER: work },
      onOutput,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv, onOutput?: (text: string) => void) {
  return new Promise<FuzzRun>((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        onOutput?.(text);
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, runs: Number(/number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0), output });
    });
  });
}

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What the suite inside the VM counted. */
export interface VmResult {
  passed: number;
  failed: number;
  /** Why the VM itself failed. */
  reason?: string;
}

const timeoutSeconds = 900;
const memoryMiB = 2048;
const cpus = 2;
const diskMiB = 512;

const root = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * Boots one VM with a pure cgroup v2 host, runs this same runner in it and reads its closing line. A VM that does not
 * come to that line is a failure: a suite that did not run proves nothing.
 */
export function runInVm(runnerArgs: string[]): Promise<VmResult> {
  return new Promise((resolve) => {
    const options = ["-t", timeoutSeconds, "-m", memoryMiB, "-c", cpus, "-d", diskMiB].map(String);
    const command = [process.execPath, `${root}dist/test/run.js`, "--in-vm", ...runnerArgs];
    const child = spawn(`${root}test/vm/run-in-vm`, [...options, "--", ...command], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        process.stdout.write(text.replace(/^(?=.)/gm, "  vm | "));
      });
    }
    child.once("error", (error) => resolve({ passed: 0, failed: 1, reason: error.message }));
    child.once("close", (code) => {
      const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
      if (counts === undefined)
        resolve({ passed: 0, failed: 1, reason: `the VM did not finish its suite (exit code ${code})` });
      else resolve({ passed: Number(counts[1]), failed: Number(counts[2]) });
    });
  });
}

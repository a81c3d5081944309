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

/** The launcher's exit code for a VM that broke, whatever ran in it. */
const vmFailedCode = 125;

/** Emulating two CPUs, QEMU now and then lets the guest's kernel panic in its scheduler; three in a row are no accident. */
const boots = 3;

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Boot extends VmResult {
  vmFailed: boolean;
}

/** Runs the suite in a VM. One that broke before the suite's closing line is booted again; a failed test never is. */
export async function runInVm(runnerArgs: string[]): Promise<VmResult> {
  for (let count = 1; ; count++) {
    const result = await boot(runnerArgs);
    if (!result.vmFailed || count === boots) return result;
    process.stdout.write(`the VM itself failed: booting it again (${count + 1} of ${boots})\n`);
  }
}

/**
 * Boots one VM with a pure cgroup v2 host, runs this same runner in it and reads its closing line. A VM that does not
 * come to that line is a failure: a suite that did not run proves nothing.
 */
function boot(runnerArgs: string[]): Promise<Boot> {
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
    child.once("error", (error) => resolve({ passed: 0, failed: 1, reason: error.message, vmFailed: false }));
    child.once("close", (code) => {
      const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
      if (counts !== undefined) resolve({ passed: Number(counts[1]), failed: Number(counts[2]), vmFailed: false });
      else {
        const reason = `the VM did not finish its suite (exit code ${code})`;
        resolve({ passed: 0, failed: 1, reason, vmFailed: code === vmFailedCode });
      }
    });
  });
}

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { GranuleError } from "../../src/errors.js";
import type { Answer, Failure, Host } from "./answer.js";
import { packageRoot, runInVmPath } from "./paths.js";
import type { BenchOptions } from "./question.js";

const mainPath = fileURLToPath(new URL("../main.js", import.meta.url));
const timeoutSeconds = 3600;
const memoryMiB = 4096;
const cpus = 2;
/** ext4 of the VM's own, so that state does not lie in its memory. */
const diskMiB = 2048;

/** Asks questions in a virtual machine with cgroup v2 alone; `onHost` gets that machine's description. */
export async function* collectInVm(
  names: string[],
  options: BenchOptions,
  onHost: (host: Host) => void,
): AsyncGenerator<Answer | Failure> {
  if (!existsSync(runInVmPath)) {
    throw new GranuleError("UNSUPPORTED", "--vm needs a clone of granule's repository", {
      hint: "the launcher of the VM is part of its tests, and no part of the package",
    });
  }
  const flags = ["--peers", options.peers.join(","), "--folder", "/vmdisk", "--json-lines"];
  if (options.short) flags.push("--short");
  if (options.count !== undefined) flags.push("--n", String(options.count));
  const vm = ["-t", timeoutSeconds, "-m", memoryMiB, "-c", cpus, "-d", diskMiB].map(String);
  const child = spawn(runInVmPath, [...vm, "--", process.execPath, mainPath, ...names, ...flags], {
    cwd: packageRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const open = new Set(names);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("{")) continue;
    const entry = JSON.parse(line) as Answer | Failure | { host: Host };
    if ("host" in entry) onHost(entry.host);
    else {
      open.delete(entry.question);
      yield entry;
    }
  }
  const code = await exited;
  for (const question of open) yield { question, error: `the VM ended with ${code} before the answer` };
}

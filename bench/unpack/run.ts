import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** What one unpacking took. */
export interface Unpacking {
  /** From the call to the end of the last process. */
  ns: number;
  /** CPU time of all its processes. */
  cpuNs: number;
  /** Peak of the process, where it tells: VmHWM (proc(5)). */
  peakBytes?: number;
}

/** Runs commands one after another; the last line that a child prints may be its peak in bytes, as JSON. */
export async function timed(commands: string[][], env: NodeJS.ProcessEnv = process.env): Promise<Unpacking> {
  const cpuBefore = childrenCpuNs();
  const startedAt = process.hrtime.bigint();
  let peakBytes: number | undefined;
  for (const [command = "", ...args] of commands) {
    const told = /"peakBytes":(\d+)/.exec(await output(command, args, env))?.[1];
    if (told !== undefined) peakBytes = Number(told);
  }
  const ns = Number(process.hrtime.bigint() - startedAt);
  const cpuNs = childrenCpuNs() - cpuBefore;
  return { ns, cpuNs, ...(peakBytes === undefined ? {} : { peakBytes }) };
}

/** CPU time of the children that have ended, in ticks of 10 ms: cutime and cstime of proc(5). */
function childrenCpuNs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 1e7;
}

function output(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  });
}

import { spawn } from "node:child_process";

/** How one test file ended. */
export interface FileResult {
  file: string;
  passed: number;
  failed: number;
  seconds: number;
  /** Why the file counts as failed beyond its failed tests. */
  reason?: string;
  output: string;
}

export interface FileOptions {
  timeoutMs: number;
  env: NodeJS.ProcessEnv;
}

/** How long output is read on after the exit, where a process of another group still holds it. */
const outputGraceMs = 1_000;

/**
 * Runs one uvu file in a process of its own and reads its summary, which alone can be trusted: uvu exits 0 after a
 * hook that threw and after a forgotten `.run()`, and never exits while a handle is open.
 */
export function runFile(file: string, options: FileOptions): Promise<FileResult> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, ["--enable-source-maps", file], {
      env: { ...options.env, FORCE_COLOR: "0", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    let timedOut = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    child.once("error", (error) => (output += `${error.message}\n`));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      const ended = timedOut ? `no end within ${options.timeoutMs / 1000} s` : endingFault(code, signal);
      // What the file left running must neither disturb the next one nor hold its output open.
      killGroup(child.pid);
      const finish = (): void => {
        clearTimeout(grace);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ file, seconds: (performance.now() - startedAt) / 1000, output, ...judge(output, ended) });
      };
      const grace = setTimeout(finish, outputGraceMs);
      child.once("close", finish);
    });
  });
}

function endingFault(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal !== null) return `ended by ${signal}`;
  return code === 0 ? undefined : `exit code ${code}`;
}

function judge(output: string, ended: string | undefined): Pick<FileResult, "passed" | "failed" | "reason"> {
  const total = sumOf(output, "Total");
  const passed = sumOf(output, "Passed");
  if (total === 0) return { passed: 0, failed: 1, reason: ended ?? "no test ran: is .run() missing?" };
  const failed = total - passed;
  // A file may fail after or beside its tests; that failure has to count, too.
  if (ended !== undefined && failed === 0) return { passed, failed: 1, reason: ended };
  return ended === undefined && failed > 0
    ? { passed, failed, reason: "exit code 0 in spite of failures" }
    : { passed, failed };
}

function sumOf(output: string, label: string): number {
  let sum = 0;
  for (const match of output.matchAll(new RegExp(`^ *${label}: +(\\d+)`, "gm"))) sum += Number(match[1]);
  return sum;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // the group ended by itself between the timer and the signal
  }
}

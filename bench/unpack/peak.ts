import { readFileSync } from "node:fs";

/** Prints this process's largest resident size so far: VmHWM of proc(5), which a parent's size does not colour. */
export function printPeak(): void {
  const kibibytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  process.stdout.write(`${JSON.stringify({ peakBytes: kibibytes * 1024 })}\n`);
}

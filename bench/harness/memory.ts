import { readFileSync } from "node:fs";

const field = (text: string, name: string): number => {
  const kib = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1];
  return kib === undefined ? 0 : Number(kib) * 1024;
};

/** Proportional set size of a process in bytes: its own pages, and its share of those it shares (proc_pid_smaps(5)). */
export const pssBytes = (pid: number): number => field(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss");

/** The parent of a process (proc_pid_stat(5)). */
export function parentOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}

/**
 * Memory of the host that belongs to the kernel itself: slabs (caches that it could give back included), stacks, page tables,
 * per-CPU data (proc_meminfo(5)).
 */
export function kernelBytes(): number {
  const text = readFileSync("/proc/meminfo", "utf8");
  return ["Slab", "KernelStack", "PageTables", "Percpu"].reduce((sum, name) => sum + field(text, name), 0);
}

/** What the kernel would still give to new processes. */
export const availableBytes = (): number => field(readFileSync("/proc/meminfo", "utf8"), "MemAvailable");

import { readFileSync } from "node:fs";

interface ProcessStat {
  state: string;
  startTicks: bigint;
}

/** Fields 3 and 22 of /proc/<pid>/stat (proc_pid_stat(5)); undefined where there is no such process. */
function processStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name may hold spaces and brackets; the fields behind it hold none.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", startTicks: BigInt(fields[19] ?? "0") };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw thrown;
  }
}

/** Start time of a process in clock ticks since boot, which tells it from a later one of the same number. */
export function processStartTicks(pid: number): bigint | undefined {
  return processStat(pid)?.startTicks;
}

/** Whether a process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X";
}

import { GranuleError } from "../errors.js";

/** Highest CPU number a list may name; the kernel's own ceiling is 8192 (CONFIG_NR_CPUS). */
const maxCpu = 8191;

/**
 * Reads a list in the kernel's format, such as `0-1,3` (cpuset(7), "List format").
 * @returns the numbers, ascending and without repeats
 * @throws GranuleError INVALID_ARGUMENT
 */
export function parseCpuList(text: string): number[] {
  const found = new Set<number>();
  for (const part of text.trim().split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || last < first || last > maxCpu) {
      throw new GranuleError("INVALID_ARGUMENT", `not a list of CPUs: ${JSON.stringify(text)}`, {
        hint: "write it as `0-1,3`",
      });
    }
    for (let cpu = first; cpu <= last; cpu++) found.add(cpu);
  }
  return [...found].sort((a, b) => a - b);
}

/** The same list in its shortest form, as the kernel prints it. */
export function formatCpuList(cpus: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const cpu of cpus) {
    const open = ranges.at(-1);
    if (open && open[1] === cpu - 1) open[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { detectCgroupHost } from "../../src/cgroup/host.js";

/** Counts of what a container could leave behind. */
export interface HostState {
  /** How many of each kind. */
  descriptors: Record<string, number>;
  threads: number;
  mounts: number;
  cgroups: number;
  /** Processes of containers and of spares; their namespaces go with them. */
  processes: number;
  zombies: number;
  monitors: number;
}

/**
 * Counts what belongs to this process, to its cgroups and to its runtime's root; other tenants of the machine do not
 * disturb it.
 */
export function hostState(folder: string): HostState {
  const { base, name } = detectCgroupHost();
  const root = `${base}/${name}`;
  const children = allProcesses().filter((stat) => stat.parent === process.pid);
  return {
    descriptors: descriptorsByKind(),
    threads: readdirSync("/proc/self/task").length,
    mounts: readFileSync("/proc/self/mountinfo", "latin1")
      .split("\n")
      .filter((line) => line.includes(folder)).length,
    cgroups: existsSync(root)
      ? readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length
      : 0,
    processes: processesBelow(root),
    zombies: children.filter((stat) => stat.state === "Z").length,
    monitors: existsSync(`${root}/monitors`) ? pidsIn(`${root}/monitors`).length : 0,
  };
}

function descriptorsByKind(): Record<string, number> {
  const counts = new Map<string, number>();
  for (const descriptor of readdirSync("/proc/self/fd")) {
    const kind = kindOf(`/proc/self/fd/${descriptor}`);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function kindOf(path: string): string {
  try {
    return readlinkSync(path).replace(/\d+/g, "N");
  } catch (thrown) {
    // The one that listed them.
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return "closed";
    throw thrown;
  }
}

interface Stat {
  state: string;
  parent: number;
}

function allProcesses(): Stat[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      const text = read(`/proc/${pid}/stat`);
      const [state = "", parent = ""] = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return state === "" ? [] : [{ state, parent: Number(parent) }];
    });
}

function processesBelow(root: string): number {
  if (!existsSync(root)) return 0;
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "monitors")
    .flatMap((entry) => pidsIn(`${root}/${entry.name}`)).length;
}

function pidsIn(cgroup: string): string[] {
  return read(`${cgroup}/cgroup.procs`).split("\n").filter(Boolean);
}

/** Empty where it went away meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { GranuleError } from "../errors.js";
import { native } from "../native.js";
import { parseCpuList } from "./cpulist.js";

/** The controllers that granule's limits and samples need. v1 calls io `blkio`. */
export const controllers = ["cpu", "cpuset", "memory", "pids", "io"] as const;
export type Controller = (typeof controllers)[number];

export type ControllerBinding = { version: "v2" } | { version: "v1"; mount: string } | { version: "absent" };

/** What the host's cgroups can do, and where granule's own subtree goes. */
export interface CgroupHost {
  mode: "unified" | "hybrid" | "none";
  bindings: Record<Controller, ControllerBinding>;
  /** Where cgroup2 is mounted. */
  unifiedMount?: string;
  /** The v2 folder below which granule's subtree is made: the mount, or the cgroup delegated to granule's unit. */
  base?: string;
  delegated: boolean;
  /** The name of the subtree in every hierarchy. */
  name: string;
  /** Online CPUs. */
  cpus: number[];
}

/** Where detection reads from; tests put recorded hosts here. */
export interface HostSources {
  /** The text of a file, undefined where there is none. */
  read(path: string): string | undefined;
  /** Whether systemd has marked a cgroup as delegated (systemd.resource-control(5), "Delegate="). */
  isDelegated(path: string): boolean;
  name: string;
}

interface Mount {
  root: string;
  point: string;
  type: string;
  superOptions: string[];
}

/** Undoes the octal escapes of mountinfo (proc_pid_mountinfo(5)). */
const unescapePath = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));

function cgroupMounts(mountInfo: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of mountInfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const before = left.split(" ");
    const [type, , superOptions] = right.split(" ");
    if ((type !== "cgroup" && type !== "cgroup2") || !before[3] || !before[4]) continue;
    mounts.push({
      root: unescapePath(before[3]),
      point: unescapePath(before[4]),
      type,
      superOptions: (superOptions ?? "").split(","),
    });
  }
  return mounts;
}

/** The nearest delegated cgroup at or above granule's own, undefined where there is none. */
function delegatedBase(mount: Mount, sources: HostSources): string | undefined {
  const own = /^0::(.*)$/m.exec(sources.read("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  if (own.startsWith("/..")) return undefined;
  const prefix = mount.root === "/" ? "" : mount.root;
  let path = own.startsWith(`${prefix}/`) ? own.slice(prefix.length) : own;
  for (; path !== "/" && path !== "."; path = dirname(path)) {
    if (sources.isDelegated(mount.point + path)) return mount.point + path;
  }
  return undefined;
}

const realSources = (): HostSources => ({
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  isDelegated: (path) => native().isDelegatedCgroup(path),
  name: process.env["GRANULE_CGROUP"] || "granule",
});

/**
 * Looks at the host's cgroup mounts. The environment's GRANULE_CGROUP names the subtree (`granule` unless told).
 * @throws GranuleError INVALID_ARGUMENT where that name is no file name
 */
export function detectCgroupHost(sources: HostSources = realSources()): CgroupHost {
  if (!/^[\w][\w.-]{0,99}$/.test(sources.name)) {
    throw new GranuleError("INVALID_ARGUMENT", `GRANULE_CGROUP is no cgroup name: ${JSON.stringify(sources.name)}`, {
      hint: "letters, digits, `.`, `_` and `-`, such as `granule`",
    });
  }
  const mounts = cgroupMounts(sources.read("/proc/self/mountinfo") ?? "");
  const unified = mounts.find((mount) => mount.type === "cgroup2");
  const delegated = unified && delegatedBase(unified, sources);
  const base = delegated ?? unified?.point;
  const onV2 = new Set(base ? (sources.read(`${base}/cgroup.controllers`) ?? "").trim().split(/\s+/) : []);

  const bindingOf = (controller: Controller): ControllerBinding => {
    if (onV2.has(controller)) return { version: "v2" };
    const v1Name = controller === "io" ? "blkio" : controller;
    const v1 = mounts.find((mount) => mount.type === "cgroup" && mount.superOptions.includes(v1Name));
    return v1 ? { version: "v1", mount: v1.point } : { version: "absent" };
  };
  const bindings = Object.fromEntries(controllers.map((name) => [name, bindingOf(name)])) as CgroupHost["bindings"];
  const anyV1 = Object.values(bindings).some((binding) => binding.version === "v1");

  return {
    mode: unified ? (anyV1 ? "hybrid" : "unified") : "none",
    bindings,
    ...(unified ? { unifiedMount: unified.point } : {}),
    ...(base ? { base } : {}),
    delegated: delegated !== undefined,
    name: sources.name,
    cpus: parseCpuList(sources.read("/sys/devices/system/cpu/online") ?? `0-${cpus().length - 1}`),
  };
}

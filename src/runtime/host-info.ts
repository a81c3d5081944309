import { existsSync, readFileSync } from "node:fs";
import { arch, availableParallelism, release, totalmem } from "node:os";
import type { HostFeature, HostInfo } from "../api.js";
import type { CgroupTree } from "../cgroup/tree.js";
import { hostFacts } from "../spec/host.js";
import type { Directories } from "../state/directories.js";

interface Probe {
  name: string;
  present: () => boolean;
  gives: string;
  lacks: string;
}

/** What this host has, what that gives, and what each missing thing costs. */
export function hostInfo(version: string, directories: Directories, cgroups: CgroupTree): HostInfo {
  const { mode, bindings } = cgroups.host;
  const controllers: HostInfo["cgroup"]["controllers"] = {};
  for (const [name, binding] of Object.entries(bindings)) controllers[name] = binding.version;
  return {
    version,
    kernel: release(),
    architecture: arch(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    cgroup: { mode, path: cgroups.root, controllers },
    features: [...controllerFeatures(cgroups), ...probes(cgroups).map(probed)],
    root: directories.root,
    state: directories.state,
    pid: process.pid,
  };
}

function probed({ name, present, gives, lacks }: Probe): HostFeature {
  const available = present();
  return { name, available, note: available ? gives : lacks };
}

const limitsOfController: Record<string, string> = {
  cpu: "cpus",
  cpuset: "cpuset",
  memory: "memory",
  pids: "pids",
  io: "io and ioWeight",
};

function controllerFeatures(cgroups: CgroupTree): HostFeature[] {
  return Object.entries(cgroups.host.bindings).map(([controller, binding]) => {
    const limits = limitsOfController[controller] ?? controller;
    const name = `cgroup ${controller}`;
    if (binding.version === "v2") return { name, available: true, note: `limits ${limits}, at no cost to a start` };
    if (binding.version === "absent") {
      return {
        name,
        available: false,
        note: `${limits} cannot be limited: enable the ${controller} controller at boot`,
      };
    }
    if (controller === "io") {
      return { name, available: false, note: "io cannot be limited through cgroup v1: boot with cgroup_no_v1=all" };
    }
    return {
      name,
      available: true,
      note: `limits ${limits} through cgroup v1 at ${binding.mount}: each start that asks for it waits 5-30 ms for the kernel; cgroup_no_v1=all mends it`,
    };
  });
}

function probes(cgroups: CgroupTree): Probe[] {
  const { capabilities } = hostFacts();
  return [
    {
      name: "cgroup.kill",
      present: () => existsSync(`${cgroups.monitors}/cgroup.kill`),
      gives: "ends every process of a container at once",
      lacks: "processes are killed one by one: Linux 5.14 has it",
    },
    {
      name: "memory.peak",
      present: () => existsSync(`${cgroups.monitors}/memory.peak`) || cgroups.host.bindings.memory.version === "v1",
      gives: "peak memory in samples",
      lacks: "samples have no peak: it takes Linux 5.19 and the memory controller",
    },
    {
      name: "pressure (PSI)",
      present: () => existsSync("/proc/pressure/cpu"),
      gives: "pressure in samples",
      lacks: "samples have no pressure: boot with psi=1",
    },
    {
      name: "overlayfs",
      present: () => /\boverlay$/m.test(textOf("/proc/filesystems")),
      gives: "images are shared and never copied",
      lacks: "no container can start: load the overlay module (modprobe overlay)",
    },
    {
      name: "seccomp",
      present: () => existsSync("/proc/sys/kernel/seccomp/actions_avail"),
      gives: "system calls are filtered",
      lacks: "containers start only with seccomp `unconfined`: the kernel needs CONFIG_SECCOMP_FILTER",
    },
    {
      name: "CAP_SYS_RESOURCE",
      present: () => capabilities.has("CAP_SYS_RESOURCE"),
      gives: "hard rlimits may be raised above this process's",
      lacks: "rlimits above this process's own hard limits are refused",
    },
    {
      name: "CAP_SYS_ADMIN",
      present: () => capabilities.has("CAP_SYS_ADMIN"),
      gives: "namespaces and mounts",
      lacks: "no container can start: run as root",
    },
  ];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // A host without the file has none of what it would list.
    return "";
  }
}

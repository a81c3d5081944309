import { existsSync } from "node:fs";
import type { Limits } from "../api.js";
import { GranuleError } from "../errors.js";
import { applyFirst } from "./apply.js";
import { ContainerCgroup, type Subtree } from "./container.js";
import { childCgroups, makeCgroup, tryRemoveCgroup } from "./directories.js";
import { errnoOf, numberOf, readControl, readPids, writeControl } from "./files.js";
import { type CgroupHost, type Controller, controllers, detectCgroupHost } from "./host.js";
import { type ControlWrite, limitWrites } from "./limits.js";
import { type CgroupPaths, directoryOf } from "./paths.js";

const monitorsName = "monitors";

/** The leaf that the processes of a delegated unit go to, since a cgroup with controllers below it holds none. */
const supervisorName = "supervisor";

/**
 * granule's subtree: `monitors/`, a leaf for the monitors, and a cgroup for each container. On a hybrid host the v2
 * part tracks, freezes and kills, and v1 hierarchies get a cgroup where a limit needs one.
 */
export class CgroupTree implements Subtree {
  readonly host: CgroupHost;
  /** The v2 folder of the subtree. */
  readonly root: string;
  /** The v2 leaf that monitors run in. */
  readonly monitors: string;
  #protected = false;

  /** @throws GranuleError UNSUPPORTED where no cgroup2 is mounted */
  constructor(host: CgroupHost = detectCgroupHost()) {
    if (host.base === undefined) {
      throw new GranuleError("UNSUPPORTED", "no cgroup2 file system is mounted", {
        hint: "boot with cgroup_no_v1=all, or mount it beside v1: mount -t cgroup2 none /sys/fs/cgroup/unified",
      });
    }
    this.host = host;
    this.root = `${host.base}/${host.name}`;
    this.monitors = `${this.root}/${monitorsName}`;
  }

  /** Makes the subtree and enables the controllers down to the containers. What is there already stays. */
  prepare(): void {
    if (this.host.delegated) this.#leaveBase();
    makeCgroup(this.root);
    this.#enable(this.host.base ?? this.root);
    this.#enable(this.root);
    makeCgroup(this.monitors);
  }

  #leaveBase(): void {
    const base = this.host.base ?? this.root;
    const pids = readPids(base);
    if (pids.length === 0) return;
    const supervisor = `${base}/${supervisorName}`;
    makeCgroup(supervisor);
    for (const pid of pids) writeControl(`${supervisor}/cgroup.procs`, String(pid));
  }

  #enable(path: string): void {
    const file = `${path}/cgroup.subtree_control`;
    const enabled = new Set((readControl(file) ?? "").trim().split(/\s+/));
    const missing = controllers.filter((name) => this.host.bindings[name].version === "v2" && !enabled.has(name));
    if (missing.length === 0) return;
    try {
      writeControl(file, missing.map((name) => `+${name}`).join(" "));
    } catch (thrown) {
      if (errnoOf(thrown) !== "EBUSY") throw thrown;
      throw new GranuleError("FAILED_PRECONDITION", `processes run in ${path}, so no controller can be enabled below`, {
        path: file,
        errno: "EBUSY",
        hint: "run granule in a systemd unit with Delegate=yes, or move those processes into a cgroup below",
        cause: thrown,
      });
    }
  }

  /**
   * Makes a container's cgroup with its limits; where that fails nothing is left of it.
   * @throws GranuleError INVALID_ARGUMENT, UNSUPPORTED, ALREADY_EXISTS
   */
  create(id: string, limits: Limits): ContainerCgroup {
    const writes = limitWrites(limits, this.host);
    const unified = this.#pathOf(id);
    let made: boolean;
    try {
      made = makeCgroup(unified);
    } catch (thrown) {
      // Another owner on this host may have tidied the empty subtree away.
      if (errnoOf(thrown) !== "ENOENT") throw thrown;
      this.prepare();
      made = makeCgroup(unified);
    }
    if (!made) throw new GranuleError("ALREADY_EXISTS", `the cgroup of container ${id} exists`, { path: unified });
    let paths: CgroupPaths = { unified };
    try {
      paths = this.directoriesFor(id, writes, paths);
      applyFirst(writes, (write) => directoryOf(paths, write.controller));
    } catch (thrown) {
      for (const path of new Set(Object.values(this.#existingPaths(id)))) tryRemoveCgroup(path);
      throw thrown;
    }
    const container = new ContainerCgroup(this, id, paths, limits);
    if (limits.memoryLow !== undefined) this.shareProtection();
    return container;
  }

  /** The cgroup of a container that an earlier owner made, undefined where it is gone. */
  open(id: string, limits: Limits): ContainerCgroup | undefined {
    const paths = this.#existingPaths(id);
    return existsSync(paths.unified) ? new ContainerCgroup(this, id, paths, limits) : undefined;
  }

  /** The ids of all containers that have a cgroup here, those of other owners on this host too. */
  list(): string[] {
    return childCgroups(this.root).filter((name) => name !== monitorsName);
  }

  /** Removes the subtree where nothing is left in it; what is in use stays. */
  removeIfEmpty(): void {
    if (this.list().length > 0 || !tryRemoveCgroup(this.monitors)) return;
    for (const name of controllers) {
      const binding = this.host.bindings[name];
      if (binding.version === "v1") tryRemoveCgroup(`${binding.mount}/${this.host.name}`);
    }
    tryRemoveCgroup(this.root);
  }

  #pathOf(id: string): string {
    if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(id) || id === monitorsName || /^(cgroup|cpu|memory|pids|io)\./.test(id)) {
      throw new GranuleError("INVALID_ARGUMENT", `no container id: ${JSON.stringify(id)}`);
    }
    return `${this.root}/${id}`;
  }

  #existingPaths(id: string): CgroupPaths {
    const paths: CgroupPaths = { unified: this.#pathOf(id) };
    for (const name of ["cpu", "cpuset", "memory", "pids"] as const) {
      const binding = this.host.bindings[name];
      if (binding.version !== "v1") continue;
      const path = `${binding.mount}/${this.host.name}/${id}`;
      if (existsSync(path)) paths[name] = path;
    }
    return paths;
  }

  /** Makes the v1 cgroups that writes need and that are not there yet; gives all of the container's. */
  directoriesFor(id: string, writes: readonly ControlWrite[], paths: CgroupPaths): CgroupPaths {
    const all = { ...paths };
    for (const { controller } of writes) {
      const binding = this.host.bindings[controller];
      if (controller === "io" || binding.version !== "v1" || all[controller] !== undefined) continue;
      const parent = `${binding.mount}/${this.host.name}`;
      if (makeCgroup(parent)) prepareV1(controller, parent, binding.mount);
      all[controller] = `${parent}/${id}`;
      if (makeCgroup(all[controller])) prepareV1(controller, all[controller], parent);
    }
    return all;
  }

  /** Protection is handed down from the top: the subtree claims the sum of what its containers were promised. */
  shareProtection(): void {
    const promised = this.list().map((id) => numberOf(readControl(`${this.root}/${id}/memory.low`)) ?? 0);
    const sum = promised.reduce((total, bytes) => total + bytes, 0);
    if (sum === 0 && !this.#protected) return;
    this.#protected = sum > 0;
    writeControl(`${this.root}/memory.low`, String(sum));
  }
}

/** A v1 cpuset starts empty and takes no process then; an old v1 memory cgroup counts without what is below it. */
function prepareV1(controller: Controller, path: string, parent: string): void {
  if (controller === "cpuset") {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (readControl(`${path}/${file}`)?.trim()) continue;
      writeControl(`${path}/${file}`, (readControl(`${parent}/${file}`) ?? "").trim());
    }
  }
  if (controller === "memory" && readControl(`${path}/memory.use_hierarchy`)?.trim() === "0") {
    writeControl(`${path}/memory.use_hierarchy`, "1");
  }
}

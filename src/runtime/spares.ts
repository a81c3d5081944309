import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CreateOptions } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import type { CgroupTree } from "../cgroup/tree.js";
import { GranuleError } from "../errors.js";
import { monitorPath, type NativeSpare, native, type SpawnReport } from "../native.js";
import { buildContainerSpec } from "../spec/container-spec.js";
import type { OciSpec } from "../spec/oci.js";
import { encodeSpareMonitorPlan, encodeSparePlan } from "../spec/plan.js";
import { usesStaged } from "../spec/staged.js";
import type { Directories } from "../state/directories.js";
import { limitsOf } from "./container-info.js";
import { makeFolders } from "./folders.js";
import { newId } from "./names.js";
import type { Trash } from "./trash.js";

/** As many as start at once on a small host; each holds about 1 MiB, most of it the kernel's. */
export const DEFAULT_SPARES = 4;

/** Spare monitors for processes that enter a container, kept once one has; each holds less than half a MiB. */
const MONITORS = 2;

/** Far above what any host starts at once. */
export const MOST_SPARES = 256;

/** What a spare's child has made already is charged to its cgroup: with less than this it might not fit. */
export const LEAST_MEMORY_BYTES = 16 * 1024 * 1024;

/** A container that lacks but its image and its program: the id, the cgroup, the folders and the mounts are there. */
export class Spare {
  readonly id: string;
  readonly cgroup: ContainerCgroup;
  readonly #native: NativeSpare;
  #given: Promise<SpawnReport> | undefined;

  constructor(id: string, cgroup: ContainerCgroup, spare: NativeSpare) {
    this.id = id;
    this.cgroup = cgroup;
    this.#native = spare;
  }

  /** Begins the set-up. @throws SpareUnusable */
  give(plan: Uint8Array): Promise<SpawnReport> {
    const addon = native();
    if (plan.byteLength > addon.sparePlanBytes) throw new SpareUnusable(false);
    const report = addon.giveSpare(this.#native, plan, true);
    if (report === undefined) throw new SpareUnusable(true);
    this.#given = report;
    return report;
  }

  /** The report of a plan that it was given already: such a one is a warm slot. */
  get given(): Promise<SpawnReport> | undefined {
    return this.#given;
  }

  /** Lets the program start once all is set up. */
  commit(): void {
    native().commitSpare(this.#native);
  }

  drop(): void {
    native().dropSpare(this.#native);
  }
}

/** Whether the report says that a spare's child has died before it was let go on: nothing of a container ran in it. */
export const diedWaiting = (report: SpawnReport): boolean => !report.ok && report.step === "monitor";

export interface SpareServices {
  readonly directories: Directories;
  readonly cgroups: CgroupTree;
  readonly trash: Trash;
  warn(what: string, thrown: unknown): void;
}

/** The container has to be made without this spare. */
export class SpareUnusable extends Error {
  /** It is the spare's fault, and another one may do; otherwise the plan is too long for any. */
  readonly died: boolean;

  constructor(died: boolean) {
    super(died ? "the spare has died" : "the plan is too long for a spare");
    this.died = died;
  }
}

/**
 * Spares of one runtime, made in the background once a first container was asked for, and while no start is under way:
 * a start that takes one finds more than half of its work done.
 */
export class Spares {
  readonly #services: SpareServices;
  readonly #target: number;
  readonly #ready: Spare[] = [];
  readonly #monitors: NativeSpare[] = [];
  #monitorsTarget = 0;
  #underWay = 0;
  #filling: Promise<void> | undefined;
  #makeMore: () => Promise<boolean> = async () => false;
  #closed = false;

  constructor(services: SpareServices, target: number) {
    this.#services = services;
    this.#target = target;
  }

  /** One for a container of these options; undefined where none is ready or none fits. */
  take(options: CreateOptions): Spare | undefined {
    const fits = usesStaged(options) && (options.memory ?? LEAST_MEMORY_BYTES) >= LEAST_MEMORY_BYTES;
    const spare = fits ? this.#ready.shift() : undefined;
    if (spare === undefined) return undefined;
    try {
      spare.cgroup.limit(limitsOf(options));
    } catch (thrown) {
      void this.discard(spare);
      throw thrown;
    }
    return spare;
  }

  /**
   * Starts a monitor with the plan of a process that enters a container: by one that waits already where there is one. A
   * plan with a device filter must not come this way.
   */
  async enter(plan: Uint8Array): Promise<SpawnReport> {
    const addon = native();
    this.#monitorsTarget = Math.min(MONITORS, this.#target);
    const waiting = plan.byteLength <= addon.sparePlanBytes ? this.#monitors.shift() : undefined;
    const report = waiting && addon.giveSpare(waiting, plan);
    if (!waiting || !report) return addon.spawnMonitor(monitorPath, plan);
    try {
      return await report;
    } finally {
      addon.dropSpare(waiting);
    }
  }

  /** What else is to be made while no start is under way; it tells whether it made something. */
  alsoMake(more: () => Promise<boolean>): void {
    this.#makeMore = more;
  }

  /** Runs a start; spares that it took are made anew once no start is under way. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await start();
    } finally {
      if (--this.#underWay === 0) this.#fill();
    }
  }

  /** Settles once all that is to be made ahead is there, unless starts are under way. */
  async filled(): Promise<void> {
    if (this.#underWay === 0) this.#fill();
    await this.#filling;
  }

  #fill(): void {
    this.#filling ??= this.#makeMissing()
      .catch((thrown: unknown) => this.#services.warn("no container can be prepared ahead", thrown))
      .finally(() => {
        this.#filling = undefined;
      });
  }

  async #makeMissing(): Promise<void> {
    while (!this.#closed && this.#underWay === 0) {
      if (this.#ready.length < this.#target) {
        const spare = await this.make();
        if (this.#closed) await this.discard(spare);
        else this.#ready.push(spare);
      } else if (this.#monitors.length < this.#monitorsTarget) {
        await this.#makeMonitor();
      } else if (!(await this.#makeMore())) return;
    }
  }

  async #makeMonitor(): Promise<void> {
    const plan = encodeSpareMonitorPlan(this.#services.cgroups.monitors);
    const report = await native().spawnMonitor(monitorPath, plan);
    if (!report.ok) throw new GranuleError("UNAVAILABLE", `a monitor could not be made: ${report.step}`, report);
    if (report.spare) this.#monitors.push(report.spare);
  }

  /** Makes one more. */
  async make(): Promise<Spare> {
    const { cgroups, directories } = this.#services;
    const id = newId();
    makeFolders(directories.container(id));
    const cgroup = cgroups.create(id, {});
    const stage = join(directories.cache, "stage");
    mkdirSync(stage, { recursive: true });
    const plan = encodeSparePlan(anyContainer(), { cgroup: cgroup.unified, monitors: cgroups.monitors, stage });
    const report = await native().spawnMonitor(monitorPath, plan);
    if (report.ok && report.spare !== undefined) return new Spare(id, cgroup, report.spare);
    await this.#clear(id, cgroup);
    const failure = report.ok ? { step: "standby", errno: "EPROTO", path: monitorPath } : report;
    throw new GranuleError("UNAVAILABLE", `a spare could not be made: ${failure.step}: ${failure.errno}`, failure);
  }

  /** Gives one up; settles when nothing is left of it. */
  async discard(spare: Spare): Promise<void> {
    await this.#clear(spare.id, spare.cgroup);
    // Not before: a monitor that is left alone removes the cgroup by itself, of which its watcher would not hear.
    spare.drop();
  }

  async #clear(id: string, cgroup: ContainerCgroup): Promise<void> {
    const { directories, trash } = this.#services;
    try {
      cgroup.kill();
      await cgroup.remove();
    } catch (thrown) {
      this.#services.warn("the cgroup of a spare stays", thrown);
    }
    trash.put(directories.container(id), id);
  }

  /** Gives all spares up; settles when nothing is left of them. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#filling;
    for (const monitor of this.#monitors.splice(0)) native().dropSpare(monitor);
    await Promise.all(this.#ready.splice(0).map((spare) => this.discard(spare)));
  }
}

let shared: OciSpec | undefined;

/** The spec of a container that uses what is staged; which one makes no difference to that part. */
function anyContainer(): OciSpec {
  shared ??= buildContainerSpec({
    id: "spare",
    options: { image: "", command: ["spare"] },
    image: { entrypoint: [], cmd: [], env: [], workingDir: "/", user: "", volumes: [], labels: {} },
    user: { uid: 0, gid: 0, additionalGids: [], home: "/" },
  }).oci;
  return shared;
}

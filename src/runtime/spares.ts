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
import type { Bursts } from "./bursts.js";
import { limitsOf } from "./container-info.js";
import { makeFolders } from "./folders.js";
import { newId } from "./names.js";
import { Spare } from "./spare.js";
import { SpareDemand, type SpareRange } from "./spare-demand.js";
import type { Trash } from "./trash.js";

/** Spare monitors for processes that enter a container, kept once one has; each holds less than half a MiB. */
const MONITORS = 2;

/** So many are made anew between two starts of a burst; for more, its end is waited for. */
const FEW = 4;

/** What a spare's child has made already is charged to its cgroup: with less than this it might not fit. */
export const LEAST_MEMORY_BYTES = 16 * 1024 * 1024;

export interface SpareServices {
  readonly directories: Directories;
  readonly cgroups: CgroupTree;
  readonly trash: Trash;
  readonly bursts: Bursts;
  warn(what: string, thrown: unknown): void;
}

/**
 * Spares of one runtime, made in the background once a first container was asked for, and while no start is under way:
 * a start that takes one finds more than half of its work done. A few are made anew between starts, and the rest once a
 * burst is over, as their making would take the processors from it.
 */
export class Spares {
  readonly #services: SpareServices;
  readonly #demand: SpareDemand;
  readonly #ready: Spare[] = [];
  readonly #monitors: NativeSpare[] = [];
  #monitorsTarget = 0;
  #filling: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #makeMore: () => Promise<boolean> = async () => false;
  #closed = false;

  constructor(services: SpareServices, range: SpareRange) {
    this.#services = services;
    this.#demand = new SpareDemand(range);
    services.bursts.whenIdle(() => this.#fill());
    services.bursts.whenOver(() => this.#fill());
  }

  /** One for a container of these options; undefined where none is ready or none fits. */
  take(options: CreateOptions): Spare | undefined {
    const fits = usesStaged(options) && (options.memory ?? LEAST_MEMORY_BYTES) >= LEAST_MEMORY_BYTES;
    if (fits) this.#demand.note();
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
    this.#monitorsTarget = Math.min(MONITORS, this.#demand.most);
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

  /** Settles once all that is to be made ahead is there, unless starts are under way. */
  async filled(): Promise<void> {
    await this.#filling;
    this.#services.bursts.cut();
    this.#fill();
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
    const { bursts } = this.#services;
    while (!this.#closed && !bursts.busy) {
      const target = this.#demand.target;
      if (this.#ready.length < Math.min(FEW, target)) await this.#makeSpare();
      else if (this.#monitors.length < this.#monitorsTarget) await this.#makeMonitor();
      else if (await this.#makeMore()) continue;
      else if (bursts.on) return;
      else if (this.#ready.length < target) await this.#makeSpare();
      else return this.#settle();
    }
  }

  /** All that is wanted is there: what is too much goes, now and when a burst is forgotten. */
  async #settle(): Promise<void> {
    const changesInMs = this.#demand.settle();
    await Promise.all(this.#ready.splice(this.#demand.target).map((spare) => this.discard(spare)));
    clearTimeout(this.#later);
    if (changesInMs !== undefined && !this.#closed) this.#later = setTimeout(() => this.#fill(), changesInMs).unref();
  }

  async #makeSpare(): Promise<void> {
    const spare = await this.make();
    if (this.#closed) await this.discard(spare);
    else this.#ready.push(spare);
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
    clearTimeout(this.#later);
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

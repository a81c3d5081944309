import type { ContainerCgroup } from "../cgroup/container.js";
import { type NativeSpare, native, type SpawnReport } from "../native.js";

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

/** The container has to be made without this spare. */
export class SpareUnusable extends Error {
  /** It is the spare's fault, and another one may do; otherwise the plan is too long for any. */
  readonly died: boolean;

  constructor(died: boolean) {
    super(died ? "the spare has died" : "the plan is too long for a spare");
    this.died = died;
  }
}

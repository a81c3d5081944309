import type { CreateOptions } from "../api.js";
import { GranuleError } from "../errors.js";
import type { SpawnReport } from "../native.js";
import type { ContainerSpec } from "../spec/container-spec.js";
import { resolveArgs } from "../spec/container-spec.js";
import { usesStaged } from "../spec/staged.js";
import type { ContainerRecord } from "../state/container-store.js";
import { limitsOf } from "./container-info.js";
import { launchError } from "./failure.js";
import { containerSpec, launchPlan } from "./launch.js";
import type { LaunchImage, Services } from "./services.js";
import { shapeOf } from "./shape.js";
import { diedWaiting, type Spare } from "./spare.js";
import { LEAST_MEMORY_BYTES } from "./spares.js";

/** More than this is no reserve but a fleet. */
const MOST_SLOTS = 1000;

/** The making of slots takes the processors from starts: a burst goes on with those there are, down to this part. */
const LOW_SHARE = 0.25;

interface Shape {
  options: CreateOptions;
  imageId: string;
  count: number;
  ready: Spare[];
}

/**
 * Warm slots: containers of one shape for which everything is done but the exec. Each is used
 * once, whole or not at all, and made anew in the background while no start is under way.
 */
export class WarmSlots {
  readonly #services: Services;
  readonly #shapes = new Map<string, Shape>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(services: Services) {
    this.#services = services;
    services.spares.alsoMake(() => this.#oneByOne(() => this.#makeNext()));
  }

  /**
   * Keeps so many slots for containers of these options, and settles once they are there; 0 gives them up.
   *
   * @throws GranuleError where the options are refused, as a start of them would be; UNSUPPORTED where they ask for what
   *   no slot can have: the host's network, or mounts below /proc, /dev or /sys
   */
  async keep(options: CreateOptions, count: number): Promise<void> {
    if (!Number.isInteger(count) || count < 0 || count > MOST_SLOTS) {
      throw new GranuleError("INVALID_ARGUMENT", `count: not a whole number from 0 to ${MOST_SLOTS}: ${count}`);
    }
    if (!usesStaged(options) || (options.memory ?? LEAST_MEMORY_BYTES) < LEAST_MEMORY_BYTES) {
      throw new GranuleError("UNSUPPORTED", "containers of these options cannot be kept warm", {
        hint: "leave out the host's network, mounts below /proc, /dev and /sys, and memory limits below 16 MiB",
      });
    }
    const image = this.#services.resolveImage(options.image);
    const key = keyOf(options, image.id);
    const shape = this.#shapes.get(key) ?? { options, imageId: image.id, count, ready: [] };
    shape.count = count;
    this.#shapes.set(key, shape);
    if (count === 0) this.#shapes.delete(key);
    await Promise.all(shape.ready.splice(count).map((slot) => this.#services.spares.discard(slot)));
    await this.#oneByOne(async () => {
      while (this.#shapes.get(key) === shape && shape.ready.length < shape.count) {
        shape.ready.push(await this.#make(shape, image));
      }
    });
  }

  /** The caller of `keep` and the making in the background would else both make the slot that is missing. */
  #oneByOne<T>(make: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(make);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** A slot for a container of these options, where one is ready. */
  take(options: CreateOptions, image: LaunchImage): Spare | undefined {
    return this.#shapes.size === 0 ? undefined : this.#shapes.get(keyOf(options, image.id))?.ready.shift();
  }

  /** Gives up the slots of an image that goes, or all. */
  async drop(imageId?: string): Promise<void> {
    for (const [key, shape] of this.#shapes) {
      if (imageId !== undefined && shape.imageId !== imageId) continue;
      this.#shapes.delete(key);
      await Promise.all(shape.ready.splice(0).map((slot) => this.#services.spares.discard(slot)));
    }
  }

  /** Makes one missing slot; in a burst of starts not before few are left. False: none is missing. */
  async #makeNext(): Promise<boolean> {
    const share = this.#services.bursts.on ? LOW_SHARE : 1;
    for (const [key, shape] of this.#shapes) {
      if (shape.ready.length >= Math.ceil(share * shape.count)) continue;
      try {
        const slot = await this.#make(shape, this.#services.resolveImage(shape.imageId));
        if (this.#shapes.get(key) === shape) shape.ready.push(slot);
        else await this.#services.spares.discard(slot);
      } catch (thrown) {
        // It would fail again each time: whoever starts such a container is told the reason there.
        this.#shapes.delete(key);
        throw thrown;
      }
      return true;
    }
    return false;
  }

  async #make(shape: Shape, image: LaunchImage): Promise<Spare> {
    const services = this.#services;
    const { options } = shape;
    const slot = await services.spares.make();
    try {
      slot.cgroup.limit(limitsOf(options));
      const command = resolveArgs(options, image.config);
      const record: ContainerRecord = {
        id: slot.id,
        name: slot.id,
        image: options.image,
        imageId: image.id,
        createdAt: new Date().toISOString(),
        command,
        options,
        state: "creating",
        desired: "running",
        restarts: 0,
      };
      const spec = (): ContainerSpec => containerSpec(record, image);
      const plan = launchPlan({ record, spec, image, cgroup: slot.cgroup, services, startNow: true, spare: slot });
      void slot.give(plan).then((report) => this.#ended(slot, shape, report));
      return slot;
    } catch (thrown) {
      await services.spares.discard(slot);
      throw GranuleError.from(thrown);
    }
  }

  /** A report before the slot was taken: its child was killed, or could not be set up, and so none of its shape can. */
  #ended(slot: Spare, shape: Shape, report: SpawnReport): void {
    const index = shape.ready.indexOf(slot);
    if (index < 0) return;
    if (report.ok || diedWaiting(report)) {
      shape.ready.splice(index, 1);
      void this.#services.spares.discard(slot);
      return;
    }
    for (const [key, kept] of this.#shapes) if (kept === shape) this.#shapes.delete(key);
    const failed = shape.ready.splice(0);
    void Promise.all(failed.map((each) => this.#services.spares.discard(each)));
    this.#services.warn("no container can be kept warm", launchError(report, shape.options.command?.[0] ?? ""));
  }
}

/** What a slot is made for. */
const keyOf = (options: CreateOptions, imageId: string): string => `${imageId} ${shapeOf(options)}`;

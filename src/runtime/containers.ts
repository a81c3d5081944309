import type { Container, ContainerInfo, Containers, CreateOptions, ListFilter, WarmOptions } from "../api.js";
import { GranuleError } from "../errors.js";
import { resolveArgs } from "../spec/container-spec.js";
import { validateCreateOptions } from "../spec/options.js";
import type { ContainerRecord } from "../state/container-store.js";
import { LocalContainer } from "./container.js";
import { containerInfo } from "./container-info.js";
import { Lifecycle } from "./lifecycle.js";
import { newId, newName } from "./names.js";
import type { LaunchImage, Services } from "./services.js";
import { type Spare, SpareUnusable } from "./spare.js";
import { WarmSlots } from "./warm.js";

/** So many containers that removed themselves are still known by their id. */
const mostDeparted = 512;

interface Held {
  lifecycle: Lifecycle;
  container: LocalContainer;
}

/** Every container of one runtime, by id and by name. */
export class LocalContainers implements Containers {
  readonly #services: Services;
  readonly #byId = new Map<string, Held>();
  readonly #idOfName = new Map<string, string>();
  /** Those that removed themselves, the oldest first: whoever started one over the channel asks for its exit afterwards. */
  readonly #departed = new Map<string, LocalContainer>();
  readonly #warm: WarmSlots;
  #closed = false;

  constructor(services: Services) {
    this.#services = services;
    this.#warm = new WarmSlots(services);
  }

  /** @see Runtime.warm */
  keepWarm({ count, ...options }: WarmOptions): Promise<void> {
    return this.#warm.keep(validateCreateOptions(options), count);
  }

  /** Gives up the warm slots of an image that goes, or all. */
  dropWarm(imageId?: string): Promise<void> {
    return this.#warm.drop(imageId);
  }

  create(options: CreateOptions): Promise<Container> {
    return this.#launch(options, false);
  }

  run(options: CreateOptions): Promise<Container> {
    return this.#launch(options, true);
  }

  async get(idOrName: string): Promise<Container> {
    const held = this.#byId.get(this.#idOfName.get(idOrName) ?? idOrName);
    if (held) return held.container;
    const departed = this.#departed.get(idOrName);
    if (departed) return departed;
    const matches = /^[0-9a-f]+$/.test(idOrName) ? [...this.#byId.keys()].filter((id) => id.startsWith(idOrName)) : [];
    if (matches.length > 1) {
      throw new GranuleError("INVALID_ARGUMENT", `${matches.length} containers begin with ${idOrName}`, {
        hint: "give more digits",
      });
    }
    const match = matches[0] === undefined ? undefined : this.#byId.get(matches[0]);
    if (match) return match.container;
    throw new GranuleError("NOT_FOUND", `no such container: ${idOrName}`, {
      hint: "`granule ps -a` lists those that exist",
    });
  }

  async list(filter: ListFilter = {}): Promise<ContainerInfo[]> {
    const found: ContainerInfo[] = [];
    for (const { lifecycle } of this.#byId.values()) {
      const { state, options } = lifecycle.record;
      if (!filter.all && state !== "running" && state !== "paused") continue;
      if (!hasTags(options.tags, filter.tags)) continue;
      found.push(containerInfo(lifecycle.record));
    }
    return found;
  }

  /** Stops a container whose budget is used up. */
  exhaust(id: string, reason: string): void {
    const held = this.#byId.get(id);
    if (!held) return;
    held.lifecycle.publish("kill", { details: { reason } });
    held.container.stop().catch((thrown: unknown) => {
      this.#services.warn(`container ${held.lifecycle.record.name} has used up its budget and does not stop`, thrown);
    });
  }

  async prune(filter: { tags?: Record<string, string> } = {}): Promise<string[]> {
    const removed: string[] = [];
    for (const { lifecycle, container } of [...this.#byId.values()]) {
      const { record } = lifecycle;
      if (record.state !== "stopped" || lifecycle.restarting || !hasTags(record.options.tags, filter.tags)) continue;
      await container.remove();
      removed.push(record.id);
    }
    return removed;
  }

  /** Names of the containers made from an image. */
  usersOf(imageId: string): string[] {
    return [...this.#byId.values()]
      .map((held) => held.lifecycle.record)
      .filter((record) => record.imageId === imageId)
      .map((record) => record.name);
  }

  /** Takes up a container that is written down already. */
  hold(record: ContainerRecord): Lifecycle {
    return this.#hold(record).lifecycle;
  }

  #hold(record: ContainerRecord): Held {
    const lifecycle = new Lifecycle(record, this.#services, () => {
      this.#byId.delete(record.id);
      this.#idOfName.delete(record.name);
      if (record.options.autoRemove && record.exit) this.#depart(record.id, held.container);
    });
    const held = { lifecycle, container: new LocalContainer(lifecycle) };
    this.#byId.set(record.id, held);
    this.#idOfName.set(record.name, record.id);
    return held;
  }

  #depart(id: string, container: LocalContainer): void {
    this.#departed.set(id, container);
    for (const oldest of this.#departed.keys()) {
      if (this.#departed.size <= mostDeparted) break;
      this.#departed.delete(oldest);
    }
  }

  /** Lets go of every container; they run on. */
  detach(): void {
    this.#closed = true;
    for (const { lifecycle } of this.#byId.values()) lifecycle.detach();
  }

  async #launch(given: CreateOptions, startNow: boolean): Promise<Container> {
    if (this.#closed) throw new GranuleError("UNAVAILABLE", "the runtime is closed");
    const services = this.#services;
    const options = validateCreateOptions(given);
    services.metering.admit("", options.tags, options.budget);
    const image = services.resolveImage(options.image);
    const name = options.name ?? newName((taken) => this.#idOfName.has(taken));
    if (this.#idOfName.has(name)) {
      throw new GranuleError("ALREADY_EXISTS", `a container is called ${name} already`, {
        hint: "remove that one, or choose another name",
        details: { id: this.#idOfName.get(name) },
      });
    }
    return services.bursts.during(async () => {
      const next = (): Spare | undefined =>
        (startNow ? this.#warm.take(options, image) : undefined) ?? services.spares.take(options);
      let spare = next();
      for (;;) {
        try {
          return await this.#begin(options, name, image, startNow, spare);
        } catch (thrown) {
          if (!(thrown instanceof SpareUnusable)) throw GranuleError.from(thrown);
          spare = thrown.died ? next() : undefined;
        }
      }
    });
  }

  async #begin(
    options: CreateOptions,
    name: string,
    image: LaunchImage,
    startNow: boolean,
    spare: Spare | undefined,
  ): Promise<Container> {
    const record: ContainerRecord = {
      id: spare?.id ?? newId(),
      name,
      image: options.image,
      imageId: image.id,
      createdAt: new Date().toISOString(),
      command: resolveArgs(options, image.config),
      options,
      state: "creating",
      desired: startNow ? "running" : "stopped",
      restarts: 0,
    };
    const { lifecycle, container } = this.#hold(record);
    try {
      await lifecycle.exclusive(() => lifecycle.launch(image, startNow, spare));
    } catch (thrown) {
      lifecycle.abandon();
      throw thrown;
    }
    return container;
  }
}

function hasTags(tags: Record<string, string> = {}, wanted: Record<string, string> = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(tags, key) && tags[key] === value);
}

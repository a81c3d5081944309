import type {
  Containers,
  HostInfo,
  ImageInfo,
  Images,
  Runtime,
  RuntimeEvent,
  Sample,
  Tokens,
  WarmOptions,
} from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { EventReadOptions } from "../../runtime/events.js";
import type { Principal } from "../principal.js";
import { GuardedContainers, ScopedContainers } from "./bounded-containers.js";
import { checkHostOptions } from "./host-options.js";
import { scopedEvents } from "./scoped-events.js";
import { scopedUsage } from "./scoped-usage.js";
import type { Tags } from "./selector.js";

/** Most containers whose tags a reader of samples remembers. */
const REMEMBERED_CONTAINERS = 10_000;

/** The whole runtime, for a principal whose containers must not reach the host. */
export class GuardedRuntime implements Runtime {
  readonly containers: Containers;
  readonly images: Images;
  readonly usage: Runtime["usage"];
  readonly tokens: Tokens;
  readonly #runtime: Runtime;
  readonly #principal: Principal;

  constructor(runtime: Runtime, principal: Principal) {
    this.#runtime = runtime;
    this.#principal = principal;
    this.containers = new GuardedContainers(runtime.containers, principal);
    this.images = runtime.images;
    this.usage = runtime.usage;
    this.tokens = runtime.tokens;
  }

  info(): Promise<HostInfo> {
    return this.#runtime.info();
  }

  async warm(options: WarmOptions): Promise<void> {
    const { count: _count, ...shape } = options;
    checkHostOptions(this.#principal, shape);
    return this.#runtime.warm(options);
  }

  events(options?: EventReadOptions): AsyncIterable<RuntimeEvent> {
    return this.#runtime.events(options);
  }

  samples(options?: { signal?: AbortSignal }): AsyncIterable<Sample> {
    return this.#runtime.samples(options);
  }

  async close(): Promise<void> {
    throw refused("closing the runtime");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The part of a runtime that has a selector's tags, as if there were nothing else. */
export class ScopedRuntime implements Runtime {
  readonly containers: ScopedContainers;
  readonly images: Images;
  readonly usage: Runtime["usage"];
  readonly tokens: Tokens = {
    create: async () => Promise.reject(refused("making tokens")),
    list: async () => Promise.reject(refused("listing tokens")),
    revoke: async () => Promise.reject(refused("revoking tokens")),
  };
  readonly #runtime: Runtime;
  readonly #selector: Tags;

  constructor(runtime: Runtime, principal: Principal, selector: Tags) {
    this.#runtime = runtime;
    this.#selector = selector;
    this.containers = new ScopedContainers(new GuardedContainers(runtime.containers, principal), selector);
    this.images = new SharedImages(runtime.images);
    this.usage = scopedUsage(runtime.usage, selector);
  }

  info(): Promise<HostInfo> {
    return this.#runtime.info();
  }

  async warm(): Promise<void> {
    throw refused("keeping containers warm");
  }

  events(options?: EventReadOptions): AsyncIterable<RuntimeEvent> {
    return scopedEvents(this.#runtime, this.#selector, options);
  }

  async *samples(options?: { signal?: AbortSignal }): AsyncGenerator<Sample> {
    const shown = new Map<string, boolean>();
    for await (const sample of this.#runtime.samples(options)) {
      const show = shown.get(sample.id) ?? (await this.#shows(sample.id));
      if (shown.size >= REMEMBERED_CONTAINERS) shown.clear();
      shown.set(sample.id, show);
      if (show) yield sample;
    }
  }

  async close(): Promise<void> {
    throw refused("closing the runtime");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shows(id: string): Promise<boolean> {
    try {
      return await this.containers.shows(await this.#runtime.containers.get(id));
    } catch (thrown) {
      if (GranuleError.from(thrown).code === "NOT_FOUND") return false;
      throw thrown;
    }
  }
}

/** Images are one catalogue for all: a bound principal uses it, and changes nothing that others rely on. */
class SharedImages implements Images {
  readonly #images: Images;

  constructor(images: Images) {
    this.#images = images;
  }

  list(): Promise<ImageInfo[]> {
    return this.#images.list();
  }

  inspect(nameOrId: string): Promise<ImageInfo> {
    return this.#images.inspect(nameOrId);
  }

  async load(): Promise<never> {
    throw refused("loading images from the host's files");
  }

  async import(): Promise<never> {
    throw refused("importing images from the host's files");
  }

  async remove(): Promise<never> {
    throw refused("removing images that others may use");
  }

  /** It would be done with the host's own credentials, and move names that others rely on. */
  async pull(): Promise<never> {
    throw refused("pulling images");
  }

  async save(): Promise<never> {
    throw refused("saving images to the host's files");
  }

  async tag(): Promise<never> {
    throw refused("naming images");
  }

  async prune(): Promise<never> {
    throw refused("removing images that others may use");
  }

  async verify(): Promise<never> {
    throw refused("checking images");
  }
}

function refused(what: string): GranuleError {
  return new GranuleError("PERMISSION_DENIED", `${what} takes an access without a selector`);
}

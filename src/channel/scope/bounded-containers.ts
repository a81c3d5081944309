import type { Container, ContainerInfo, Containers, CreateOptions, ListFilter } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { Principal } from "../principal.js";
import { checkHostOptions } from "./host-options.js";
import { boundTags, narrowed, selects, type Tags } from "./selector.js";

/** Containers for a principal that must not reach the host by them. */
export class GuardedContainers implements Containers {
  readonly #containers: Containers;
  readonly #principal: Principal;

  constructor(containers: Containers, principal: Principal) {
    this.#containers = containers;
    this.#principal = principal;
  }

  async create(options: CreateOptions): Promise<Container> {
    checkHostOptions(this.#principal, options);
    return this.#containers.create(options);
  }

  async run(options: CreateOptions): Promise<Container> {
    checkHostOptions(this.#principal, options);
    return this.#containers.run(options);
  }

  get(idOrName: string): Promise<Container> {
    return this.#containers.get(idOrName);
  }

  list(filter?: ListFilter): Promise<ContainerInfo[]> {
    return this.#containers.list(filter);
  }

  prune(filter?: { tags?: Record<string, string> }): Promise<string[]> {
    return this.#containers.prune(filter);
  }
}

/** The containers with a selector's tags, as if there were no others. */
export class ScopedContainers implements Containers {
  readonly #containers: Containers;
  readonly #selector: Tags;

  constructor(containers: Containers, selector: Tags) {
    this.#containers = containers;
    this.#selector = selector;
  }

  create(options: CreateOptions): Promise<Container> {
    return this.#made(options, (bound) => this.#containers.create(bound));
  }

  run(options: CreateOptions): Promise<Container> {
    return this.#made(options, (bound) => this.#containers.run(bound));
  }

  async get(idOrName: string): Promise<Container> {
    const found = await this.#lookUp(idOrName);
    if (found !== undefined && (await this.shows(found))) return found;
    // What stands in the way, by its name or by the same first digits, is not to be noticed: ask again among one's own.
    const own = await this.list({ all: true });
    const match = own.find(({ name }) => name === idOrName) ?? onlyPrefixed(own, idOrName);
    if (match === undefined) {
      throw new GranuleError("NOT_FOUND", `no such container: ${idOrName}`, {
        hint: "`granule ps -a` lists those that exist",
      });
    }
    return this.#containers.get(match.id);
  }

  async list(filter: ListFilter = {}): Promise<ContainerInfo[]> {
    const tags = narrowed(this.#selector, filter.tags);
    if (tags === undefined) return [];
    const found = await this.#containers.list({ ...filter, tags });
    return found.filter((info) => selects(this.#selector, info.tags));
  }

  async prune(filter: { tags?: Record<string, string> } = {}): Promise<string[]> {
    const tags = narrowed(this.#selector, filter.tags);
    return tags === undefined ? [] : this.#containers.prune({ ...filter, tags });
  }

  /** Whether a container is one of these; tags never change in a container's life. */
  async shows(container: Container): Promise<boolean> {
    try {
      return selects(this.#selector, (await container.inspect()).tags);
    } catch (thrown) {
      // It was removed meanwhile.
      if (GranuleError.from(thrown).code === "NOT_FOUND") return false;
      throw thrown;
    }
  }

  async #made(given: CreateOptions, make: (options: CreateOptions) => Promise<Container>): Promise<Container> {
    const options = { ...given, tags: boundTags(this.#selector, given.tags) };
    try {
      return await make(options);
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      if (error.code !== "ALREADY_EXISTS" || options.name === undefined) throw error;
      const holder = await this.#lookUp(options.name);
      if (holder !== undefined && (await this.shows(holder))) throw error;
      // Names are one space, so that it is taken cannot be hidden; whose it is can.
      throw new GranuleError("ALREADY_EXISTS", `the name ${options.name} is taken`, { hint: "choose another name" });
    }
  }

  async #lookUp(idOrName: string): Promise<Container | undefined> {
    try {
      return await this.#containers.get(idOrName);
    } catch (thrown) {
      const { code } = GranuleError.from(thrown);
      if (code === "NOT_FOUND" || code === "INVALID_ARGUMENT") return undefined;
      throw thrown;
    }
  }
}

function onlyPrefixed(own: ContainerInfo[], prefix: string): ContainerInfo | undefined {
  if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
  const matches = own.filter(({ id }) => id.startsWith(prefix));
  if (matches.length > 1) {
    throw new GranuleError("INVALID_ARGUMENT", `${matches.length} containers begin with ${prefix}`, {
      hint: "give more digits",
    });
  }
  return matches[0];
}

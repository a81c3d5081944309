import type {
  Container,
  Containers,
  CreateOptions,
  HostInfo,
  Images,
  ListFilter,
  Runtime,
  RuntimeEvent,
  Sample,
  Tokens,
  Usage,
  WarmOptions,
} from "../api.js";
import { type ChannelSocket, ClientConnection } from "./client-connection.js";
import { RemoteContainer, remoteSamples } from "./client-container.js";
import { openFeed } from "./client-feeds.js";
import { RemoteImages } from "./client-images.js";
import { remoteUsage } from "./client-usage.js";
import type { EventItem } from "./protocol.js";

export type * from "../api.js";
export { GranuleError } from "../errors.js";
export { bearerSubprotocol } from "./auth/bearer-subprotocol.js";
export type { ChannelSocket } from "./client-connection.js";
export { SUBPROTOCOLS } from "./frames.js";

/**
 * The runtime at the other end of a WebSocket that was opened with SUBPROTOCOLS and gives bytes as ArrayBuffer or
 * Uint8Array (`binaryType = "arraybuffer"` in a browser). Resolves with the server's hello.
 */
export async function openChannel(socket: ChannelSocket): Promise<Runtime> {
  return new RemoteRuntime(await ClientConnection.open(socket));
}

class RemoteRuntime implements Runtime {
  readonly containers: Containers;
  readonly images: Images;
  readonly tokens: Tokens;
  readonly usage: Usage;
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
    this.containers = new RemoteContainers(connection);
    this.images = new RemoteImages(connection);
    this.tokens = {
      create: (options) => connection.call("tokens.create", options),
      list: () => connection.call("tokens.list", {}),
      revoke: (id) => connection.call("tokens.revoke", { id }),
    };
    this.usage = remoteUsage(connection);
  }

  info(): Promise<HostInfo> {
    return this.#connection.call("runtime.info", {});
  }

  /** Subscribes at once, so that what happens before the first read is not missed. */
  events(options: { after?: { epoch: string; seq: number }; signal?: AbortSignal } = {}): AsyncIterable<RuntimeEvent> {
    const { signal, ...params } = options;
    const feed = openFeed<"events.subscribe", EventItem>(this.#connection, "events.subscribe", params, signal);
    feed.catch(() => {});
    return iterate(feed);
  }

  async warm(options: WarmOptions): Promise<void> {
    await this.#connection.call("runtime.warm", options);
  }

  samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    return remoteSamples(this.#connection, {}, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class RemoteContainers implements Containers {
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  async create(options: CreateOptions): Promise<Container> {
    const { id } = await this.#connection.call("containers.create", options);
    return new RemoteContainer(this.#connection, id);
  }

  async run(options: CreateOptions): Promise<Container> {
    const { id } = await this.#connection.call("containers.run", options);
    return new RemoteContainer(this.#connection, id);
  }

  async get(idOrName: string): Promise<Container> {
    const { id } = await this.#connection.call("containers.inspect", { id: idOrName });
    return new RemoteContainer(this.#connection, id);
  }

  list(filter: ListFilter = {}): ReturnType<Containers["list"]> {
    return this.#connection.call("containers.list", filter);
  }

  prune(): Promise<string[]> {
    return this.#connection.call("containers.prune", {});
  }
}

async function* iterate<T>(feed: Promise<AsyncIterable<T>>): AsyncGenerator<T> {
  yield* await feed;
}

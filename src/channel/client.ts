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
import { type CallOptions, type ChannelSocket, ClientConnection } from "./client-connection.js";
import { RemoteContainer } from "./client-container.js";
import { remoteEvents, remoteSamples } from "./client-feeds.js";
import { RemoteImages } from "./client-images.js";
import { ClientLink, type Dial, type ReconnectOptions } from "./client-link.js";
import { remoteUsage } from "./client-usage.js";
import type { MethodName, Params, Result } from "./methods.js";
import type { Cursor } from "./params.js";

export type * from "../api.js";
export { GranuleError } from "../errors.js";
export { bearerSubprotocol } from "./auth/bearer-subprotocol.js";
export type { CallOptions, ChannelSocket } from "./client-connection.js";
export type { ReconnectOptions } from "./client-link.js";
export { SUBPROTOCOLS } from "./frames.js";

/** A runtime at the other end of a connection, with the methods of the protocol beneath it. */
export interface ChannelClient extends Runtime {
  /** Calls a method by its name, with a deadline or an idempotency key of the caller's own where those are wanted. */
  call<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions<Result<M>>): Promise<Result<M>>;
}

/**
 * The runtime at the other end of a WebSocket that was opened with SUBPROTOCOLS and gives bytes as ArrayBuffer or
 * Uint8Array (`binaryType = "arraybuffer"` in a browser). Resolves with the server's hello. Given a function that opens
 * one instead, a connection that is lost is made again: subscriptions resume behind the last item, calls are repeated.
 */
export async function openChannel(
  socket: ChannelSocket | (() => ChannelSocket),
  reconnect?: ReconnectOptions,
): Promise<ChannelClient> {
  if (typeof socket !== "function") return clientOf(await ClientConnection.open(socket));
  return dialChannel(() => ClientConnection.open(socket()), reconnect);
}

/** The same, by a function that opens whole connections. */
export async function dialChannel(dial: Dial, reconnect?: ReconnectOptions): Promise<ChannelClient> {
  return clientOf(await dial(new AbortController().signal), dial, reconnect);
}

export function clientOf(connection: ClientConnection, dial?: Dial, reconnect?: ReconnectOptions): ChannelClient {
  return new RemoteRuntime(new ClientLink(connection, dial, reconnect));
}

class RemoteRuntime implements ChannelClient {
  readonly containers: Containers;
  readonly images: Images;
  readonly tokens: Tokens;
  readonly usage: Usage;
  readonly #link: ClientLink;

  constructor(link: ClientLink) {
    this.#link = link;
    this.containers = new RemoteContainers(link);
    this.images = new RemoteImages(link);
    this.tokens = {
      create: (options) => link.call("tokens.create", options),
      list: () => link.call("tokens.list", {}),
      revoke: (id) => link.call("tokens.revoke", { id }),
    };
    this.usage = remoteUsage(link);
  }

  call<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions<Result<M>>): Promise<Result<M>> {
    return this.#link.call(method, params, options);
  }

  info(): Promise<HostInfo> {
    return this.#link.call("runtime.info", {});
  }

  events(options: { after?: Cursor; signal?: AbortSignal } = {}): AsyncIterable<RuntimeEvent> {
    return remoteEvents(this.#link, options);
  }

  async warm(options: WarmOptions): Promise<void> {
    await this.#link.call("runtime.warm", options);
  }

  samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    return remoteSamples(this.#link, {}, options.signal);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class RemoteContainers implements Containers {
  readonly #link: ClientLink;

  constructor(link: ClientLink) {
    this.#link = link;
  }

  async create(options: CreateOptions): Promise<Container> {
    const { id } = await this.#link.call("containers.create", options);
    return new RemoteContainer(this.#link, id);
  }

  async run(options: CreateOptions): Promise<Container> {
    const { id } = await this.#link.call("containers.run", options);
    return new RemoteContainer(this.#link, id);
  }

  async get(idOrName: string): Promise<Container> {
    const { id } = await this.#link.call("containers.inspect", { id: idOrName });
    return new RemoteContainer(this.#link, id);
  }

  list(filter: ListFilter = {}): ReturnType<Containers["list"]> {
    return this.#link.call("containers.list", filter);
  }

  prune(): Promise<string[]> {
    return this.#link.call("containers.prune", {});
  }
}

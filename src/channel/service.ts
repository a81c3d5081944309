import { GranuleError } from "../errors.js";
import { native } from "../native.js";
import { Access } from "./auth/access.js";
import { type ServedRuntime, watchAccess } from "./auth/watch.js";
import { Channel } from "./channel.js";
import type { ListenEntry, ServiceConfig } from "./config/config.js";
import { answerRoute, type HttpRoute, healthRoute } from "./http-routes.js";
import { type IdleOptions, IdleWatch } from "./idle.js";
import type { ActivatedSocket } from "./listen/activation.js";
import { addressUrl, isLoopback } from "./listen/address.js";
import { HttpListener } from "./listen/http-listener.js";
import { PeerCounts } from "./listen/peers.js";
import { readTlsFiles } from "./listen/tls.js";
import { LineLimit, type Logger } from "./log.js";
import type { AuditEntry, Principal } from "./principal.js";
import { listenOnUnixSocket } from "./unix-listener.js";

export interface ServiceOptions {
  /** Socket of the state directory: for its owner's user alone, and root. */
  controlSocket: string;
  config: ServiceConfig;
  log: Logger;
  idle?: IdleOptions;
  /** Sockets that a service manager listens on already. */
  activated?: ActivatedSocket[];
  /** Pages beside the channel, by path. */
  routes?: Record<string, HttpRoute>;
}

/** `granule serve`: a channel with its listeners, who may use it, its log and its pages. */
export class Service {
  readonly #channel: Channel;
  readonly #access: Access;
  readonly #log: Logger;
  readonly #listeners: HttpListener[] = [];
  readonly #secure: HttpListener[] = [];
  readonly #removeSockets: (() => void)[] = [];
  readonly #counts = new PeerCounts();
  readonly #refusals = new LineLimit();
  readonly #routes = new Map<string, HttpRoute>();
  readonly #stopWatching: (() => void)[] = [];
  #config: ServiceConfig;
  #draining = false;
  /** Urls that it listens at. */
  readonly urls: string[] = [];

  /** Opens the channel and every listener; all of them, or none. */
  static async start(runtime: ServedRuntime, options: ServiceOptions): Promise<Service> {
    const { config, log } = options;
    const access = new Access(config.access, runtime.tokens);
    const idle = options.idle && new IdleWatch(options.idle);
    let service: Service | undefined;
    const channel = await Channel.open(runtime, {
      limits: config.limits,
      authenticate: (request) => {
        try {
          return access.principalOf(request);
        } catch (thrown) {
          service?.refused(request.socket.remoteAddress ?? "unix", GranuleError.from(thrown).message);
          throw thrown;
        }
      },
      audit: (entry) => audit(log, entry),
      onConnections: (open) => idle?.connections(open),
    });
    service = new Service(channel, access, options);
    service.#stopWatching.push(
      () => idle?.stop(),
      watchAccess(channel, access, runtime.tokens, (principal, why) => service.#ended(principal, why)),
    );
    try {
      await service.#listen(options);
    } catch (thrown) {
      await service.close(0);
      throw thrown;
    }
    return service;
  }

  private constructor(channel: Channel, access: Access, { config, log, routes = {} }: ServiceOptions) {
    this.#channel = channel;
    this.#access = access;
    this.#config = config;
    this.#log = log;
    for (const [path, route] of Object.entries(routes)) this.#routes.set(path, route);
    this.#routes.set(
      "/healthz",
      healthRoute(() => this.#draining),
    );
  }

  /** Connections now open. */
  get connections(): number {
    return this.#channel.connections;
  }

  /**
   * Takes over another configuration: certificates, who may do what, the log's level. Ends the connections of those who
   * may no longer, or otherwise, including tokens that were taken from the database. Where it listens stays as it is.
   * @throws where the certificates cannot be read; all stays as it was then
   */
  reload(config: ServiceConfig): void {
    const tls = config.tls && readTlsFiles(config.tls);
    if (this.#secure.length > 0 && tls === undefined) {
      throw new GranuleError("INVALID_ARGUMENT", "certificates are needed as long as it listens on wss://");
    }
    if (tls !== undefined) for (const listener of this.#secure) listener.replaceTls(tls);
    this.#access.replaceRules(config.access);
    this.#log.level = config.logLevel;
    if (JSON.stringify(config.listen) !== JSON.stringify(this.#config.listen)) {
      this.#log.warn("where it listens has changed in the configuration, and takes a restart");
    }
    this.#config = config;
    this.#channel.expel((principal) => {
      const why = this.#access.lapsed(principal, true);
      if (why !== undefined) this.#ended(principal, why);
      return why;
    });
    this.#log.info({ connections: this.connections }, "reloaded");
  }

  /** Cuts short the wait of `close`. */
  hurry(): void {
    this.#channel.expel(() => "the server is shutting down");
  }

  /** Tells clients to go, waits for their requests, and hangs up. Containers run on. */
  async close(graceMs: number = this.#config.drainMs): Promise<void> {
    this.#draining = true;
    this.#log.info({ connections: this.connections, graceMs }, "draining");
    for (const remove of this.#removeSockets.splice(0)) remove();
    const stopped = this.#listeners.map((listener) => listener.stop());
    await this.#channel.close({ graceMs });
    for (const listener of this.#listeners) listener.cutOff();
    await Promise.all(stopped);
    for (const stop of this.#stopWatching.splice(0)) stop();
  }

  /** Notes somebody who was turned away, as far as that fills no disk. */
  refused(peer: string, why: string): void {
    this.#refusals.offer((suppressed) => {
      this.#log.warn({ peer, why, ...(suppressed > 0 && { suppressed }) }, "refused");
    });
  }

  #ended(principal: Principal, why: string): void {
    this.#log.info({ principal: principal.name, why }, "ended a connection");
  }

  async #listen({ controlSocket, config, activated = [] }: ServiceOptions): Promise<void> {
    let hasControlSocket = false;
    for (const socket of activated) hasControlSocket = (await this.#adopt(socket, controlSocket)) || hasControlSocket;
    if (!hasControlSocket) await this.#open({ address: { kind: "unix", path: controlSocket } }, false);
    for (const entry of config.listen) await this.#open(entry, true);
    this.#log.info({ urls: this.urls }, "listening");
  }

  async #open({ address, gid }: ListenEntry, lock: boolean): Promise<void> {
    if (address.kind === "unix") {
      const listener = this.#listener("unix", false);
      const options = gid === undefined ? { lock } : { lock, gid };
      this.#removeSockets.push(await listenOnUnixSocket(listener.server, address.path, options));
    } else {
      const { host, port } = address;
      const listener = this.#listener("tcp", address.tls);
      await listener.listen((server) => server.listen({ host, port, ipv6Only: true }));
      const bound = listener.server.address();
      if (bound !== null && typeof bound === "object") {
        this.urls.push(addressUrl({ ...address, port: bound.port }));
        return;
      }
    }
    this.urls.push(addressUrl(address));
  }

  /** Serves on a socket that listens already; whether it is the control socket. */
  async #adopt({ fd, name }: ActivatedSocket, controlSocket: string): Promise<boolean> {
    const path = native().unixSocketPath(fd);
    if (path !== undefined && !path.startsWith("/")) {
      throw new GranuleError("INVALID_ARGUMENT", `the socket ${name} has no file, so anybody may connect to it`, {
        hint: "give ListenStream an absolute path",
      });
    }
    const secure = path === undefined && this.#config.tls !== undefined;
    const listener = this.#listener(path === undefined ? "tcp" : "unix", secure);
    await listener.listen((server) => server.listen({ fd }));
    if (path !== undefined) {
      this.urls.push(`unix:${path}`);
      return path === controlSocket;
    }
    const bound = listener.server.address();
    if (bound === null || typeof bound === "string") {
      throw new GranuleError("INVALID_ARGUMENT", `descriptor ${fd} (${name}) is no TCP socket`);
    }
    const { address: host, port } = bound;
    if (!secure && !(this.#config.insecure && isLoopback(host))) {
      throw new GranuleError("INVALID_ARGUMENT", `the socket at ${host}:${port} (${name}) would not be encrypted`, {
        hint: "give tls.cert and tls.key; or, on loopback, insecure",
      });
    }
    this.urls.push(addressUrl({ kind: "tcp", host, port, tls: secure }));
    return false;
  }

  #listener(kind: "unix" | "tcp", secure: boolean): HttpListener {
    const { tls } = this.#config;
    const listener = new HttpListener({
      kind,
      channel: this.#channel,
      access: this.#access,
      counts: this.#counts,
      handle: (request, response) =>
        answerRoute(this.#routes, this.#access, request, response, (thrown) =>
          // Without what stands behind a question mark, which may be anybody's secret.
          this.#log.error({ err: thrown, page: request.url?.split("?", 1)[0] }, "a page failed"),
        ),
      refused: (peer, why) => this.refused(peer, why),
      ...(secure && tls !== undefined && { tls: readTlsFiles(tls) }),
    });
    this.#listeners.push(listener);
    if (secure) this.#secure.push(listener);
    return listener;
  }
}

/** One line for each call that changes state: who, what, to which, what became of it, and how long it took. */
function audit(log: Logger, { principal, method, target, outcome, durationMs }: AuditEntry): void {
  const { name, role, selector } = principal;
  log.info(
    {
      audit: { principal: name, role, ...(selector !== undefined && { selector }), method, target, outcome },
      durationMs: Math.round(durationMs * 1000) / 1000,
    },
    "call",
  );
}

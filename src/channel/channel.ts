import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { CallStore } from "../state/call-store.js";
import { methodsOf, runtimeFor } from "./authorize.js";
import { createCodec } from "./codec.js";
import { type Hello, SUBPROTOCOLS, type Subprotocol } from "./frames.js";
import { KeyedCalls } from "./keyed-calls.js";
import { type ChannelLimits, DEFAULT_LIMITS } from "./limits.js";
import { METHODS } from "./methods.js";
import type { AuditEntry, Principal } from "./principal.js";
import { SampleHubs } from "./sample-hub.js";
import { Session } from "./session.js";

export interface ChannelOptions {
  limits?: Partial<ChannelLimits>;
  /**
   * Says who calls, at the HTTP upgrade. A GranuleError that it throws refuses the upgrade: UNAUTHENTICATED as 401,
   * PERMISSION_DENIED as 403, RESOURCE_EXHAUSTED as 429, others as 400. Everybody is a local admin unless told.
   */
  authenticate?: (request: IncomingMessage) => Principal | Promise<Principal>;
  /** Hears of every call that changes state, once it was answered. */
  audit?: (entry: AuditEntry) => void;
  /** Called when the first connection has come and when the last one has gone. */
  onConnections?: (open: number) => void;
}

const LOCAL_ADMIN: Principal = { name: "local", role: "admin" };

// A peer that does not answer the closing handshake is cut off after this time.
const CLOSE_HANDSHAKE_MS = 1000;

/** The WebSocket end of a runtime: takes over upgrades of any HTTP server it is attached to. */
export class Channel {
  readonly limits: ChannelLimits;
  readonly #sessions = new Set<Session>();
  readonly #runtime: Runtime;
  readonly #options: ChannelOptions;
  readonly #version: string;
  readonly #epoch = randomUUID();
  readonly #upgrades: WebSocketServer;
  readonly #keyed: KeyedCalls;
  readonly #liveness: NodeJS.Timeout;
  /** Connections by who is counted for them. */
  readonly #peers = new Map<string, number>();
  readonly #samples = new Map<Runtime, SampleHubs>();
  readonly #detach: (() => void)[] = [];
  #allGone: () => void = () => {};
  #closed = false;

  /** Asks the runtime for its version, and is ready to be attached. */
  static async open(runtime: Runtime, options: ChannelOptions = {}): Promise<Channel> {
    return new Channel(runtime, (await runtime.info()).version, options);
  }

  private constructor(runtime: Runtime, version: string, options: ChannelOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#version = version;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#keyed = new KeyedCalls(keptCalls(runtime) ?? CallStore.inMemory(), this.limits);
    const { pingIntervalMs, pingTimeoutMs } = this.limits;
    this.#liveness = setInterval(() => {
      const now = performance.now();
      for (const session of this.#sessions) session.checkPeer(now);
    }, Math.min(pingIntervalMs, pingTimeoutMs) / 4);
    this.#liveness.unref();
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.limits.maxFrameBytes,
      handleProtocols: (offered) => chooseSubprotocol(offered) ?? false,
    });
  }

  /** Connections now open. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Takes over the upgrades of an HTTP or HTTPS server, of `path` alone where one is given. */
  attach(server: Server, path?: string): void {
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (path === undefined || request.url?.split("?", 1)[0] === path) void this.upgrade(request, socket, head);
    };
    server.on("upgrade", upgrade);
    this.#detach.push(() => server.off("upgrade", upgrade));
  }

  /** One upgrade, for a server whose routing is its own. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    try {
      const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
      if (length !== "0" || encoding !== undefined) {
        // Whatever stands in between may take such a body for the next request, and us for who sent it.
        throw new GranuleError("INVALID_ARGUMENT", "an upgrade has no body");
      }
      const offered = request.headers["sec-websocket-protocol"];
      if (offered !== undefined && chooseSubprotocol(offered.split(",").map((name) => name.trim())) === undefined) {
        throw new GranuleError("INVALID_ARGUMENT", `expected one of ${SUBPROTOCOLS.join(", ")}`);
      }
      const principal = await (this.#options.authenticate?.(request) ?? LOCAL_ADMIN);
      const runtime = runtimeFor(principal, this.#runtime);
      const peer = request.socket.remoteAddress ?? principal.name;
      this.#checkCount(peer);
      if (socket.destroyed || this.#closed) {
        socket.destroy();
        return;
      }
      this.#upgrades.handleUpgrade(request, socket, head, (webSocket) =>
        this.#open(webSocket, socket, principal, runtime, peer),
      );
    } catch (thrown) {
      refuse(socket, GranuleError.from(thrown));
    }
  }

  /**
   * Tells clients to go, waits up to `graceMs` (1000 unless told) for the requests in flight, then hangs up. Servers it
   * was attached to are let go of at once, and stay open.
   */
  async close({ graceMs = 1000, reason = "the server is shutting down" } = {}): Promise<void> {
    this.#closed = true;
    clearInterval(this.#liveness);
    for (const detach of this.#detach.splice(0)) detach();
    const timers: NodeJS.Timeout[] = [];
    const after = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        timers.push(setTimeout(resolve, ms));
      });
    const grace = after(graceMs);
    const gone = new Promise<void>((resolve) => {
      this.#allGone = resolve;
      if (this.#sessions.size === 0) resolve();
    });
    await Promise.all([...this.#sessions].map((session) => session.leave(reason, grace)));
    await Promise.race([gone, after(CLOSE_HANDSHAKE_MS)]);
    for (const session of this.#sessions) session.terminate();
    await gone;
    for (const timer of timers) clearTimeout(timer);
    for (const hubs of this.#samples.values()) hubs.close();
  }

  #checkCount(peer: string): void {
    const { maxConnections, maxConnectionsPerPeer } = this.limits;
    const mine = this.#peers.get(peer) ?? 0;
    if (mine < maxConnectionsPerPeer && this.#sessions.size < maxConnections) return;
    const whose =
      mine < maxConnectionsPerPeer ? `${maxConnections} connections` : `${maxConnectionsPerPeer} of one peer`;
    throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${whose} at once`, { retryable: true });
  }

  /** Ends every connection for whose principal `why` gives a reason, at once. */
  expel(why: (principal: Principal) => string | undefined): void {
    for (const session of this.#sessions) {
      const reason = why(session.principal);
      if (reason !== undefined) session.expel(reason);
    }
  }

  #open(webSocket: WebSocket, raw: Duplex, principal: Principal, runtime: Runtime, peer: string): void {
    const subprotocol = chooseSubprotocol([webSocket.protocol]) ?? SUBPROTOCOLS[0];
    const session = new Session({
      socket: webSocket,
      raw,
      codec: createCodec(subprotocol, this.limits),
      runtime,
      samples: this.#samplesOf(runtime),
      keyed: this.#keyed,
      principal,
      hello: this.#hello(principal),
      audit: this.#options.audit,
    });
    this.#sessions.add(session);
    this.#peers.set(peer, (this.#peers.get(peer) ?? 0) + 1);
    this.#options.onConnections?.(this.#sessions.size);
    webSocket.on("close", () => {
      this.#sessions.delete(session);
      const left = (this.#peers.get(peer) ?? 1) - 1;
      if (left === 0) this.#peers.delete(peer);
      else this.#peers.set(peer, left);
      this.#options.onConnections?.(this.#sessions.size);
      if (this.#sessions.size === 0) this.#allGone();
    });
  }

  #samplesOf(runtime: Runtime): SampleHubs {
    let hubs = this.#samples.get(runtime);
    if (hubs === undefined) {
      hubs = new SampleHubs();
      this.#samples.set(runtime, hubs);
    }
    return hubs;
  }

  #hello(principal: Principal): Hello {
    const methods = methodsOf(principal);
    return {
      protocol: "granule.v1",
      version: this.#version,
      epoch: this.#epoch,
      role: principal.role,
      limits: this.limits,
      methods,
      keyed: methods.filter((name) => METHODS[name].changes),
    };
  }
}

const STATUS: Partial<Record<GranuleError["code"], string>> = {
  UNAUTHENTICATED: "401 Unauthorized",
  PERMISSION_DENIED: "403 Forbidden",
  RESOURCE_EXHAUSTED: "429 Too Many Requests",
  UNAVAILABLE: "503 Service Unavailable",
  INTERNAL: "500 Internal Server Error",
};

function refuse(socket: Duplex, error: GranuleError): void {
  const status = STATUS[error.code] ?? "400 Bad Request";
  const body = `${error.message}\n`;
  const challenge = error.code === "UNAUTHENTICATED" ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n${challenge}Content-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The calls that a runtime with a database remembers. */
function keptCalls(runtime: Runtime): CallStore | undefined {
  const { calls } = runtime as Runtime & { calls?: unknown };
  return calls instanceof CallStore ? calls : undefined;
}

function chooseSubprotocol(offered: Iterable<string>): Subprotocol | undefined {
  for (const name of offered) {
    const known = SUBPROTOCOLS.find((subprotocol) => subprotocol === name);
    if (known !== undefined) return known;
  }
  return undefined;
}

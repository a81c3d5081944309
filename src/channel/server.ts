import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Runtime } from "../api.js";
import { createCodec } from "./codec.js";
import type { Hello } from "./frames.js";
import { type IdleOptions, IdleWatch } from "./idle.js";
import { type ChannelLimits, DEFAULT_LIMITS } from "./limits.js";
import { METHODS, SUBPROTOCOLS, type Subprotocol } from "./protocol.js";
import { type Role, roleAllows } from "./roles.js";
import { Session } from "./session.js";
import { listenOnUnixSocket } from "./unix-listener.js";

export type { IdleOptions } from "./idle.js";

export interface ServeOptions {
  /** Path of the unix socket; made with mode 0660. A stale socket there is replaced, a live one is refused. */
  path: string;
  limits?: Partial<ChannelLimits>;
  /** What callers may do; `admin` unless told. */
  role?: Role;
  idle?: IdleOptions;
}

export interface ChannelServer {
  readonly path: string;
  /** Connections now open. */
  readonly connections: number;
  /**
   * Tells clients to go, waits up to `graceMs` (1000 unless told) for the requests in flight, then hangs up and removes
   * the socket. The runtime stays open: it is the caller's.
   */
  close(options?: { graceMs?: number; reason?: string }): Promise<void>;
}

// A peer that does not answer the closing handshake is cut off after this time.
const CLOSE_HANDSHAKE_MS = 1000;

/** Serves a runtime on a unix socket; resolves once it listens. */
export async function serveChannel(runtime: Runtime, options: ServeOptions): Promise<ChannelServer> {
  const limits: ChannelLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const role = options.role ?? "admin";
  const { version } = await runtime.info();
  const methods = Object.entries(METHODS).filter(([, method]) => roleAllows(role, method.role));
  const hello: Hello = {
    protocol: "granule.v1",
    version,
    epoch: randomUUID(),
    role,
    limits,
    methods: methods.map(([name]) => name),
  };
  const listener = new Listener(runtime, hello, options.idle);
  const removeSocket = await listenOnUnixSocket(listener.http, options.path);
  return {
    path: options.path,
    get connections() {
      return listener.sessions.size;
    },
    close: async ({ graceMs = 1000, reason = "the server is shutting down" } = {}) => {
      removeSocket();
      await listener.close(graceMs, reason);
    },
  };
}

/** The HTTP server, and the WebSocket connections that it was upgraded to. */
class Listener {
  readonly http: Server;
  readonly sessions = new Set<Session>();
  readonly #runtime: Runtime;
  readonly #hello: Hello;
  readonly #idle: IdleWatch | undefined;
  readonly #upgrades: WebSocketServer;

  constructor(runtime: Runtime, hello: Hello, idle: IdleOptions | undefined) {
    this.#runtime = runtime;
    this.#hello = hello;
    this.#idle = idle && new IdleWatch(idle);
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: hello.limits.maxFrameBytes,
      handleProtocols: (offered) => chooseSubprotocol(offered) ?? false,
    });
    const { handshakeMs, maxConnections } = hello.limits;
    const timeouts = {
      headersTimeout: handshakeMs,
      requestTimeout: handshakeMs,
      connectionsCheckingInterval: handshakeMs,
    };
    this.http = createServer(timeouts, (_request, response) => {
      response.writeHead(426, { connection: "close", upgrade: "websocket" }).end("granule speaks WebSocket\n");
    });
    this.http.maxConnections = maxConnections;
    this.http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.http.on("clientError", (_error, socket) => socket.destroy());
  }

  async close(graceMs: number, reason: string): Promise<void> {
    this.#idle?.stop();
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    const timers: NodeJS.Timeout[] = [];
    const after = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        timers.push(setTimeout(resolve, ms));
      });
    const grace = after(graceMs);
    await Promise.all([...this.sessions].map((session) => session.leave(reason, grace)));
    this.http.closeAllConnections();
    await Promise.race([closed, after(CLOSE_HANDSHAKE_MS)]);
    for (const session of this.sessions) session.terminate();
    await closed;
    for (const timer of timers) clearTimeout(timer);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const offered = request.headers["sec-websocket-protocol"];
    const names = offered?.split(",").map((name) => name.trim());
    if (names !== undefined && chooseSubprotocol(names) === undefined) {
      socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nexpected one of ${SUBPROTOCOLS.join(", ")}\n`);
      return;
    }
    this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const subprotocol = chooseSubprotocol([webSocket.protocol]) ?? SUBPROTOCOLS[0];
      const codec = createCodec(subprotocol, this.#hello.limits);
      const session = new Session(webSocket, socket, codec, this.#runtime, this.#hello);
      this.sessions.add(session);
      this.#idle?.connected();
      webSocket.on("close", () => {
        this.sessions.delete(session);
        this.#idle?.disconnected();
      });
    });
  }
}

function chooseSubprotocol(offered: Iterable<string>): Subprotocol | undefined {
  for (const name of offered) {
    const known = SUBPROTOCOLS.find((subprotocol) => subprotocol === name);
    if (known !== undefined) return known;
  }
  return undefined;
}

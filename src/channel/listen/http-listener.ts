import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { Socket as NetSocket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { GranuleError } from "../../errors.js";
import type { Access } from "../auth/access.js";
import type { Channel } from "../channel.js";
import { addressPeer, type PeerCounts, unixPeer } from "./peers.js";

/** Answers a plain HTTP request; false where it is not its own. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HttpListenerOptions {
  kind: "unix" | "tcp";
  channel: Channel;
  access: Access;
  counts: PeerCounts;
  handle: HttpHandler;
  tls?: SecureContextOptions;
  /** Hears of connections that were turned away before a byte was read. */
  refused: (peer: string, why: string) => void;
}

// node looks for connections that are late at this interval.
const MAX_CHECK_MS = 1000;
const MAX_HEADER_BYTES = 16 << 10;
const MAX_HEADERS = 100;

/** One listening HTTP or HTTPS server: knows who connects, bounds what strangers can hold, and feeds the channel. */
export class HttpListener {
  readonly server: Server | SecureServer;
  readonly #options: HttpListenerOptions;
  readonly #sockets = new Set<Socket>();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const { channel, tls } = options;
    const { handshakeMs, maxConnections } = channel.limits;
    const http = {
      headersTimeout: handshakeMs,
      requestTimeout: handshakeMs,
      connectionsCheckingInterval: Math.min(handshakeMs, MAX_CHECK_MS),
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const handle = (request: IncomingMessage, response: ServerResponse): void => this.#request(request, response);
    this.server =
      tls === undefined
        ? createServer(http, handle)
        : createSecureServer({ ...http, ...tls, ...clientCertificates(tls), handshakeTimeout: handshakeMs }, handle);
    this.server.maxConnections = maxConnections;
    this.server.maxHeadersCount = MAX_HEADERS;
    this.server.on("connection", (socket: Socket) => this.#connected(socket));
    this.server.on("clientError", (_error, socket) => socket.destroy());
    channel.attach(this.server);
  }

  /** Listens where `bind` says. Errors of binding come out here. */
  async listen(bind: (server: Server) => void): Promise<void> {
    bind(this.server);
    try {
      await once(this.server, "listening");
    } catch (thrown) {
      throw GranuleError.from(thrown, "UNAVAILABLE");
    }
  }

  /** Other certificates for the handshakes from now on. */
  replaceTls(tls: SecureContextOptions): void {
    (this.server as SecureServer).setSecureContext(tls);
  }

  /** Takes no more connections; those that are open go on. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }

  /** Cuts off whatever is still open. */
  cutOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    const { kind, access, counts, channel, refused } = this.#options;
    // A TLS connection begins as a plain one, which is the one counted; without a listener its error would end us.
    if (!(socket instanceof NetSocket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let peer: string;
    const most = channel.limits.maxConnectionsPerPeer;
    if (kind === "unix") {
      const credentials = unixPeer(socket);
      if (credentials === undefined) {
        socket.destroy();
        return;
      }
      access.connected(socket, credentials);
      peer = `uid:${credentials.uid}`;
    } else {
      peer = addressPeer(socket.remoteAddress ?? "");
    }
    if (!counts.admit(peer, socket, most)) {
      refused(peer, `more than ${most} connections`);
      socket.destroy();
    }
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#options.handle(request, response)) return;
    response.writeHead(426, { connection: "close", upgrade: "websocket" }).end("granule speaks WebSocket\n");
  }
}

/** A client may come with a token instead of a certificate, so it is asked for one, and looked at when it is used. */
function clientCertificates({ ca }: SecureContextOptions): { requestCert?: boolean; rejectUnauthorized?: boolean } {
  return ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
}

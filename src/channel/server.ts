import { createServer } from "node:http";
import type { Runtime } from "../api.js";
import { Channel, type ChannelOptions } from "./channel.js";
import { type IdleOptions, IdleWatch } from "./idle.js";
import type { Role } from "./roles.js";
import { listenOnUnixSocket } from "./unix-listener.js";

export type { IdleOptions } from "./idle.js";

export interface ServeOptions extends ChannelOptions {
  /** Path of the unix socket; made with mode 0660. A stale socket there is replaced, a live one is refused. */
  path: string;
  /** What callers may do where `authenticate` does not say; `admin` unless told. */
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

/** Serves a runtime on a unix socket; resolves once it listens. */
export async function serveChannel(runtime: Runtime, options: ServeOptions): Promise<ChannelServer> {
  const { path, role = "admin", idle: idleOptions, ...channelOptions } = options;
  const idle = idleOptions && new IdleWatch(idleOptions);
  const channel = await Channel.open(runtime, {
    authenticate: () => ({ name: "local", role }),
    ...channelOptions,
    onConnections: (open) => {
      idle?.connections(open);
      channelOptions.onConnections?.(open);
    },
  });
  const { handshakeMs, maxConnections } = channel.limits;
  const timeouts = {
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    connectionsCheckingInterval: handshakeMs,
  };
  const http = createServer(timeouts, (_request, response) => {
    response.writeHead(426, { connection: "close", upgrade: "websocket" }).end("granule speaks WebSocket\n");
  });
  http.maxConnections = maxConnections;
  http.on("clientError", (_error, socket) => socket.destroy());
  channel.attach(http);
  const removeSocket = await listenOnUnixSocket(http, path);
  return {
    path,
    get connections() {
      return channel.connections;
    },
    close: async (closing) => {
      removeSocket();
      idle?.stop();
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await channel.close(closing);
      http.closeAllConnections();
      await closed;
    },
  };
}

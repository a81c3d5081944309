import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";

/** A request as the proxy saw it. */
export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

export interface Exchange {
  request: SeenRequest;
  response: ServerResponse;
  /** How often the same method and path was asked for before. */
  before: number;
  /** The body of the request. */
  body: () => Promise<string>;
  /** The registry's own answer, read whole; status, headers and body may be changed before it is sent. */
  upstream: () => Promise<{ status: number; headers: Record<string, string | string[]>; body: Buffer }>;
}

/** Answers in the registry's place; false lets the registry answer. */
export type Fault = (exchange: Exchange) => Promise<boolean> | boolean;

/** An HTTP proxy on loopback before a registry, which remembers what it was asked for and can be made to fail. */
export class FaultProxy {
  readonly seen: SeenRequest[] = [];
  host = "";
  fault: Fault = () => false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: string;
  readonly #counts = new Map<string, number>();

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
  }

  /** @param target host of the registry */
  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.host = `127.0.0.1:${(proxy.#server.address() as AddressInfo).port}`;
    return proxy;
  }

  /** Forgets what was asked for, and fails no more. */
  reset(): void {
    this.seen.length = 0;
    this.#counts.clear();
    this.fault = () => false;
  }

  /** Requests of a method for blobs, or for manifests. */
  asked(method: string, kind: "blobs" | "manifests"): SeenRequest[] {
    return this.seen.filter((one) => one.method === method && one.path.includes(`/${kind}/`));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = text(incoming);
    body.catch(() => undefined);
    const { method = "", url: path = "", headers } = incoming;
    const key = `${method} ${path}`;
    const before = this.#counts.get(key) ?? 0;
    this.#counts.set(key, before + 1);
    const seen = { method, path, headers };
    this.seen.push(seen);
    const upstream = (): ReturnType<Exchange["upstream"]> => this.#whole(seen);
    if (await this.fault({ request: seen, response, before, upstream, body: () => body })) return;
    const forward = request({ host: "127.0.0.1", port: this.#port(), method, path, headers: this.#headers(headers) });
    forward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forward.on("error", () => response.destroy());
    response.on("close", () => forward.destroy());
    forward.end();
  }

  #whole({ method, path, headers }: SeenRequest): ReturnType<Exchange["upstream"]> {
    return new Promise((resolve, reject) => {
      const forward = request({ host: "127.0.0.1", port: this.#port(), method, path, headers: this.#headers(headers) });
      forward.on("error", reject);
      forward.on("response", (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers as Record<string, string | string[]>,
            body: Buffer.concat(chunks),
          }),
        );
      });
      forward.end();
    });
  }

  #headers(headers: IncomingHttpHeaders): IncomingHttpHeaders {
    return { ...headers, host: this.#target };
  }

  #port(): string {
    return this.#target.split(":")[1] ?? "";
  }
}

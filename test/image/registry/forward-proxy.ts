import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What the proxy was asked for. */
export interface Forwarded {
  /** `CONNECT`, or the method of a request that it passes on. */
  method: string;
  /** Host and port that the client named. */
  host: string;
  authorization: string | undefined;
}

/**
 * A proxy on loopback as companies have them (RFC 9110, 7.6 and 9.3.6): tunnels by CONNECT, and passes on requests whose
 * target is a whole address. It alone knows where the hosts are.
 */
export class ForwardProxy {
  readonly seen: Forwarded[] = [];
  /** Where each host and port that clients may name really is. */
  readonly routes = new Map<string, string>();
  /** Header that it wants, where it wants one. */
  authorization: string | undefined;
  url = "";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((incoming, response) => this.#forward(incoming, response));
    this.#server.on("connect", (incoming: IncomingMessage, socket: Socket) => this.#tunnel(incoming, socket));
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  static async start(): Promise<ForwardProxy> {
    const proxy = new ForwardProxy();
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `http://127.0.0.1:${(proxy.#server.address() as AddressInfo).port}`;
    return proxy;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  /** The status of a refusal; the target where there is none. */
  #admit(method: string, host: string, { headers }: IncomingMessage): { status: number } | { port: number } {
    const authorization = headers["proxy-authorization"];
    this.seen.push({ method, host, authorization });
    if (this.authorization !== undefined && authorization !== this.authorization) return { status: 407 };
    const target = this.routes.get(host);
    return target === undefined ? { status: 502 } : { port: Number(target.split(":")[1]) };
  }

  #tunnel(incoming: IncomingMessage, socket: Socket): void {
    const admitted = this.#admit("CONNECT", incoming.url ?? "", incoming);
    if ("status" in admitted) {
      socket.end(`HTTP/1.1 ${admitted.status} refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const target = connect(admitted.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 connected\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    this.#keep(target);
    socket.on("close", () => target.destroy());
    target.on("close", () => socket.destroy());
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "" } = incoming;
    const target = URL.canParse(url) ? new URL(url) : undefined;
    const admitted = target ? this.#admit(method, target.host, incoming) : { status: 400 };
    if (target === undefined || "status" in admitted) {
      response.writeHead("status" in admitted ? admitted.status : 400).end();
      return;
    }
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const path = `${target.pathname}${target.search}`;
    const onward = request({ host: "127.0.0.1", port: admitted.port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  }
}

import { connect, type Socket } from "node:net";

/** The request that turns a connection into a WebSocket of a subprotocol (RFC 6455, section 4.1). */
export function upgrade(subprotocol: string): Buffer {
  const lines = [
    "GET / HTTP/1.1",
    "Host: x",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${subprotocol}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A message as a client sends it, masked with zeros (section 5.2). */
export function frame(payload: Buffer | string, opcode: number = typeof payload === "string" ? 1 : 2): Buffer {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 255];
  if (body.length > 0xffff) throw new Error("longer than this makes");
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), body]);
}

/** A connection that says what it is told and hears what comes. */
export class Wire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** Bytes that have come. */
  heard = 0;
  #wake: () => void = () => {};

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.on("error", () => {});
    this.socket.on("data", (bytes) => {
      this.heard += bytes.length;
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.#wake();
        resolve();
      });
    });
  }

  /** Settles when so many bytes have come in all, the connection is gone, or what may never come did not in time. */
  async hear(bytes: number, patienceMs: number): Promise<void> {
    let patient = true;
    const timer = setTimeout(() => {
      patient = false;
      this.#wake();
    }, patienceMs);
    while (patient && this.heard < bytes && !this.socket.destroyed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    clearTimeout(timer);
  }
}

import { once } from "node:events";
import { WebSocket } from "ws";
import { createCodec } from "../../src/channel/codec.js";
import type { Frame } from "../../src/channel/frames.js";
import { SUBPROTOCOLS } from "../../src/channel/protocol.js";

/** A client without manners: sends any bytes, and sees every frame and the close. */
export class RawClient {
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  readonly #codec = createCodec("granule.v1.cbor", { maxDepth: 64, maxValues: 1 << 20 });
  #waiting: (() => void)[] = [];

  static async open(url: string, subprotocols: string[] = [SUBPROTOCOLS[0]]): Promise<RawClient> {
    const socket = new WebSocket(`ws+unix:${url.slice("unix:".length)}:/`, subprotocols, { perMessageDeflate: false });
    const client = new RawClient(socket);
    await once(socket, "open");
    await client.until((frame) => frame[0] === 0);
    return client;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.frames.push(this.#codec.decode(data as Buffer));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    // The close tells of it.
    socket.on("error", () => {});
  }

  send(frame: Frame): void {
    this.socket.send(this.#codec.encode(frame));
  }

  /** The first frame, of those that have come and those to come, that fits. */
  async until(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (let index = 0; ; ) {
      for (; index < this.frames.length; index++) {
        const frame = this.frames[index] as Frame;
        if (fits(frame)) return frame;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The answer to a request. */
  async ask(id: number, method: string, params: unknown = {}, options = {}): Promise<Frame> {
    this.send([1, id, method, params, options]);
    return this.until((frame) => (frame[0] === 2 || frame[0] === 3) && frame[1] === id);
  }
}

import { once } from "node:events";
import { WebSocket } from "ws";
import { createCodec } from "../../src/channel/codec.js";
import { SUBPROTOCOLS } from "../../src/channel/frames.js";

const codec = createCodec(SUBPROTOCOLS[0], { maxDepth: 99, maxValues: 1e6 });

// Of so many calls one is written down: a run makes hundreds of thousands, and a report that holds them all helps nobody.
const EVERY = 16;

/** Opens a WebSocket on a unix socket; resolves with it once the server has greeted. */
export async function openSocket(path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws+unix:${path}:/`, [SUBPROTOCOLS[0]], { perMessageDeflate: false });
  await once(socket, "message");
  return socket;
}

/** Calls one method over and over, and reads no more of an answer than whose it is: the server is what is measured. */
export class Caller {
  readonly #socket: WebSocket;
  readonly #method: string;
  readonly #params: unknown;
  readonly #sentAt = new Float64Array(1 << 16);
  #answered: (latencyNs: number) => void = () => {};
  #nextId = 0;
  inFlight = 0;

  constructor(socket: WebSocket, method: string, params: unknown) {
    this.#socket = socket;
    this.#method = method;
    this.#params = params;
    socket.on("message", (message: Buffer) => {
      if (message[1] !== 2) throw new Error(`the call failed: ${JSON.stringify(codec.decode(message))}`);
      const head = message[2] ?? 0;
      const id = head < 24 ? head : head === 24 ? message.readUInt8(3) : message.readUInt16BE(3);
      this.inFlight--;
      this.#answered((performance.now() - (this.#sentAt[id] ?? 0)) * 1e6);
    });
  }

  send(): void {
    const id = this.#nextId++ & 0xffff;
    this.inFlight++;
    this.#sentAt[id] = performance.now();
    this.#socket.send(codec.encode([1, id, this.#method, this.#params]));
  }

  /** So many calls, always `window` of them in flight: latencies in ns, and calls a second. */
  async closed(calls: number, window: number): Promise<{ latencies: number[]; perSecond: number }> {
    const latencies: number[] = [];
    const begun = performance.now();
    await new Promise<void>((resolve) => {
      let left = calls;
      let answered = 0;
      this.#answered = (latency) => {
        if (answered++ % EVERY === 0) latencies.push(latency);
        if (answered === calls) resolve();
        else if (left-- > 0) this.send();
      };
      for (let count = 0; count < window && left > 0; count++, left--) this.send();
    });
    return { latencies, perSecond: (calls * 1000) / (performance.now() - begun) };
  }

  /** Calls at an even pace, as from many callers that do not wait for each other; at most `window` in flight. */
  async paced(perSecond: number, seconds: number, window: number): Promise<{ latencies: number[]; held: number }> {
    const latencies: number[] = [];
    let held = 0;
    const calls = perSecond * seconds;
    const begun = performance.now();
    await new Promise<void>((resolve) => {
      let sent = 0;
      let answered = 0;
      this.#answered = (latency) => {
        if (answered++ % EVERY === 0) latencies.push(latency);
        if (answered === calls) resolve();
      };
      const pace = (): void => {
        const due = Math.min(calls, Math.floor(((performance.now() - begun) * perSecond) / 1000));
        while (sent < due && this.inFlight < window) {
          sent++;
          this.send();
        }
        if (sent < due) held++;
        if (sent < calls) setImmediate(pace);
      };
      pace();
    });
    return { latencies, held };
  }
}

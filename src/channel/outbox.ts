import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Codec } from "./codec.js";
import type { Frame } from "./frames.js";

// Streams and subscriptions wait above the first mark, requests above the second one.
const STREAMS_WAIT_BYTES = 1 << 20;
const REQUESTS_WAIT_BYTES = 4 << 20;

/** What goes out on one connection. ws has no back-pressure of its own: it is read off the socket beneath. */
export class Outbox {
  #waiters: (() => void)[] = [];
  #congested = false;
  #pressureChanged: () => void = () => {};
  #corked = false;
  readonly #socket: WebSocket;
  readonly #raw: Duplex;
  readonly #codec: Codec;

  constructor(socket: WebSocket, raw: Duplex, codec: Codec) {
    this.#socket = socket;
    this.#raw = raw;
    this.#codec = codec;
    raw.on("drain", () => this.#drained());
    raw.on("close", () => this.#drained());
  }

  /** Whether streams and subscriptions may send. */
  get writable(): boolean {
    return this.#socket.bufferedAmount < STREAMS_WAIT_BYTES;
  }

  /** Whether so much waits that nothing more should be asked for. */
  get congested(): boolean {
    return this.#congested;
  }

  /** Sends at once; nothing where the connection is gone. */
  send(frame: Frame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(this.#codec.encode(frame), ignoreLateError);
    if (this.#congested || this.#socket.bufferedAmount <= REQUESTS_WAIT_BYTES) return;
    this.#congested = true;
    this.#pressureChanged();
  }

  /** Calls back whenever `congested` changes. */
  onPressure(changed: () => void): void {
    this.#pressureChanged = changed;
  }

  /** Resolves when streams may send again, or when the connection is gone. */
  async drained(): Promise<void> {
    while (!this.writable && this.#socket.readyState === this.#socket.OPEN) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Everything that one turn of the event loop sends leaves in one write. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#raw.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#raw.uncork();
    });
  }

  #drained(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
    if (!this.#congested) return;
    this.#congested = false;
    this.#pressureChanged();
  }
}

/** A send that fails because the peer hung up: the connection's own close event tells of it. */
function ignoreLateError(): void {}

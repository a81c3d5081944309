import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Codec } from "./codec.js";
import { type Frame, FrameType } from "./frames.js";

// Streams and subscriptions wait above the first share of what may be buffered, requests above the second one.
const STREAMS_WAIT_SHARE = 1 / 16;
const REQUESTS_WAIT_SHARE = 1 / 4;

// Below this size to copy the bytes is cheaper than to write them apart.
const ZERO_COPY_BYTES = 4096;

export interface OutboxOptions {
  maxBufferedBytes: number;
  /** Called once, when more was sent than may be buffered. */
  onOverflow: () => void;
}

/** What goes out on one connection. ws has no back-pressure of its own: it is read off the socket beneath. */
export class Outbox {
  #waiters: (() => void)[] = [];
  #congested = false;
  #pressureChanged: () => void = () => {};
  #corked = false;
  readonly #socket: WebSocket;
  readonly #raw: Duplex;
  readonly #codec: Codec;

  readonly #options: OutboxOptions;

  constructor(socket: WebSocket, raw: Duplex, codec: Codec, options: OutboxOptions) {
    this.#options = options;
    this.#socket = socket;
    this.#raw = raw;
    this.#codec = codec;
    raw.on("drain", () => this.#drained());
    raw.on("close", () => this.#drained());
  }

  /** Whether streams and subscriptions may send. */
  get writable(): boolean {
    return this.#socket.bufferedAmount < this.#options.maxBufferedBytes * STREAMS_WAIT_SHARE;
  }

  /** Whether so much waits that nothing more should be asked for. */
  get congested(): boolean {
    return this.#congested;
  }

  /** Sends at once; nothing where the connection is gone. */
  send(frame: Frame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const buffered = this.#socket.bufferedAmount;
    if (buffered > this.#options.maxBufferedBytes) {
      this.#options.onOverflow();
      return;
    }
    this.#cork();
    this.#socket.send(this.#codec.encode(frame), ignoreLateError);
    if (this.#congested || buffered <= this.#options.maxBufferedBytes * REQUESTS_WAIT_SHARE) return;
    this.#congested = true;
    this.#pressureChanged();
  }

  /** Sends bytes of a stream, without a copy of them: they must not change afterwards. */
  sendData(stream: number, bytes: Uint8Array): void {
    const head = bytes.length < ZERO_COPY_BYTES ? undefined : this.#codec.dataHead?.(stream, bytes.length);
    if (head === undefined) {
      this.send([FrameType.data, stream, bytes]);
      return;
    }
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    // Between whole messages of ws, whose sender keeps nothing back where there is no compression.
    this.#raw.write(binaryMessageHead(head, bytes.length));
    this.#raw.write(bytes);
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
    setImmediate(() => this.flush());
  }

  /** Hands over what this turn of the event loop has sent so far. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#raw.uncork();
  }

  #drained(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
    if (!this.#congested) return;
    this.#congested = false;
    this.#pressureChanged();
  }
}

/** The header of an unmasked binary message of more than 125 bytes (RFC 6455, section 5.2), and how its payload begins. */
function binaryMessageHead(begin: Uint8Array, restLength: number): Buffer {
  const length = begin.length + restLength;
  const sizeBytes = length > 0xffff ? 8 : 2;
  const head = Buffer.alloc(2 + sizeBytes + begin.length);
  head[0] = 0x82;
  head[1] = sizeBytes === 8 ? 127 : 126;
  if (sizeBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  else head.writeUInt16BE(length, 2);
  head.set(begin, 2 + sizeBytes);
  return head;
}

/** A send that fails because the peer hung up: the connection's own close event tells of it. */
function ignoreLateError(): void {}

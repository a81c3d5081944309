import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { GranuleError } from "../errors.js";
import type { Codec } from "./codec.js";
import { type Frame, FrameType, type Hello, resetError } from "./frames.js";
import { Intake } from "./intake.js";
import { Outbox } from "./outbox.js";
import type { Principal } from "./principal.js";
import { type Backing, Requests } from "./requests.js";
import type { SessionStream, StreamHost, StreamKind, Terminal } from "./session-stream.js";
import { errorToWire } from "./wire-error.js";

/** Status codes of RFC 6455, section 7.4.1. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_PROTOCOL_ERROR = 1002;
const CLOSE_INVALID_PAYLOAD = 1007;
const CLOSE_POLICY = 1008;

// Somebody who is put out has no say in how long the closing handshake takes.
const EXPEL_MS = 1000;

/** What a session is made of. */
export interface SessionParts extends Backing {
  socket: WebSocket;
  /** The stream beneath the WebSocket. */
  raw: Duplex;
  codec: Codec;
  hello: Hello;
}

/** One connection: its requests, streams and subscriptions. */
export class Session implements StreamHost {
  readonly outbox: Outbox;
  readonly limits: Hello["limits"];
  readonly principal: Principal;
  readonly terminals = new Map<number, Terminal>();
  readonly #socket: WebSocket;
  readonly #codec: Codec;
  readonly #requests: Requests;
  readonly #streams = new Map<number, { stream: SessionStream; kind: StreamKind }>();
  readonly #open: Record<StreamKind, number> = { stream: 0, subscription: 0 };
  #nextStream = 1;
  /** The connection is lost or being closed: nothing that still comes counts. */
  #over = false;
  #heardAt = performance.now();
  #pingedAt: number | undefined;

  constructor(parts: SessionParts) {
    const { socket, raw, codec, hello } = parts;
    this.#socket = socket;
    this.#codec = codec;
    this.limits = hello.limits;
    this.principal = parts.principal;
    this.outbox = new Outbox(socket, raw, codec, {
      maxBufferedBytes: hello.limits.maxBufferedBytes,
      onOverflow: () => this.#violation(CLOSE_POLICY, "more waits for this connection than it may hold"),
    });
    this.#requests = new Requests(parts, this);
    const intake = new Intake<Buffer | string>(socket, this.outbox, (payload) => this.#receive(payload));
    // A message is one Buffer, as the socket's binaryType is left at nodebuffer.
    socket.on("message", (data: Buffer, binary) => intake.push(binary ? data : data.toString("utf8")));
    socket.on("pong", () => this.#heard());
    socket.on("close", () => this.#lost());
    // ws closes the connection by itself; without a listener its error would end the process.
    socket.on("error", () => {});
    this.outbox.send([FrameType.hello, hello]);
  }

  /** Announces the end, waits for the requests in flight until `grace` resolves, and closes. */
  async leave(reason: string, grace: Promise<void>): Promise<void> {
    this.outbox.send([FrameType.goaway, reason]);
    await Promise.race([this.#requests.finish(reason), grace]);
    this.outbox.flush();
    this.#socket.close(CLOSE_GOING_AWAY, reason);
  }

  /** Ends the connection of a principal who may no longer call: nothing that still comes counts. */
  expel(reason: string): void {
    if (this.#over) return;
    this.#violation(CLOSE_POLICY, reason);
    setTimeout(() => this.#socket.terminate(), EXPEL_MS).unref();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Asks a silent peer whether it lives, and hangs up on one that did not answer. */
  checkPeer(now: number): void {
    if (this.#pingedAt === undefined) {
      if (now - this.#heardAt < this.limits.pingIntervalMs) return;
      this.#pingedAt = now;
      this.#socket.ping();
    } else if (now - this.#pingedAt >= this.limits.pingTimeoutMs) {
      this.#socket.terminate();
    }
  }

  openStream(stream: SessionStream, kind: StreamKind): number {
    const most = kind === "stream" ? this.limits.maxStreams : this.limits.maxSubscriptions;
    if (this.#open[kind] >= most) {
      throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${most} ${kind}s on a connection`);
    }
    const id = this.#nextStream++;
    this.#streams.set(id, { stream, kind });
    this.#open[kind]++;
    // The call that opens it may have outlived the connection.
    if (this.#over) queueMicrotask(() => this.closeStream(id));
    return id;
  }

  endStream(id: number): void {
    if (this.#forget(id)) this.outbox.send([FrameType.end, id]);
  }

  resetStream(id: number, error: GranuleError): void {
    if (this.#forget(id)) this.outbox.send([FrameType.reset, id, error.code, errorToWire(error)]);
  }

  closeStream(id: number): void {
    this.#forget(id)?.onReset(new GranuleError("CANCELLED", "the stream was closed"));
  }

  #forget(id: number): SessionStream | undefined {
    const held = this.#streams.get(id);
    if (held === undefined) return undefined;
    this.#streams.delete(id);
    this.#open[held.kind]--;
    return held.stream;
  }

  #heard(): void {
    this.#heardAt = performance.now();
    this.#pingedAt = undefined;
  }

  #receive(payload: Buffer | string): void {
    if (this.#over) return;
    this.#heard();
    let frame: Frame;
    try {
      frame = this.#codec.decode(payload);
    } catch (thrown) {
      this.#violation(CLOSE_INVALID_PAYLOAD, GranuleError.from(thrown).message);
      return;
    }
    switch (frame[0]) {
      case FrameType.request:
        if (this.#requests.has(frame[1])) this.#violation(CLOSE_PROTOCOL_ERROR, `request id ${frame[1]} is in use`);
        else this.#requests.begin(frame[1], frame[2], frame[3], frame[4]);
        return;
      case FrameType.cancel:
        this.#requests.giveUp(frame[1], new GranuleError("CANCELLED", "the caller cancelled the request"));
        return;
      case FrameType.data:
      case FrameType.credit:
      case FrameType.end:
      case FrameType.reset:
        this.#stream(frame);
        return;
      case FrameType.goaway:
        return;
      default:
        this.#violation(CLOSE_PROTOCOL_ERROR, `message type ${frame[0]} is the server's`);
    }
  }

  #stream(frame: Extract<Frame, [5 | 6 | 7 | 8, ...unknown[]]>): void {
    const stream = this.#streams.get(frame[1])?.stream;
    // A stream that this side has just closed may still get what was on its way.
    if (stream === undefined) return;
    switch (frame[0]) {
      case FrameType.data:
        if (stream.onData !== undefined) stream.onData(frame[2]);
        else this.#violation(CLOSE_PROTOCOL_ERROR, `stream ${frame[1]} takes no data`);
        return;
      case FrameType.credit:
        stream.onCredit?.(frame[2]);
        return;
      case FrameType.end:
        stream.onEnd?.();
        return;
      default:
        this.#forget(frame[1]);
        stream.onReset(resetError(frame[2], frame[3]));
    }
  }

  #violation(code: number, reason: string): void {
    this.outbox.flush();
    // A close reason has 123 bytes at most (RFC 6455, section 5.5.1).
    this.#socket.close(code, reason.slice(0, 120));
    this.#lost();
  }

  #lost(): void {
    this.#over = true;
    const error = new GranuleError("UNAVAILABLE", "the connection was lost", { retryable: true });
    this.#requests.lost(error);
    for (const id of [...this.#streams.keys()]) this.#forget(id)?.onReset(error);
  }
}

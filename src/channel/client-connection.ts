import { GranuleError } from "../errors.js";
import { type Codec, createCodec } from "./codec.js";
import { type Frame, FrameType, type Hello, type RequestOptions, resetError, SUBPROTOCOLS } from "./frames.js";
import type { MethodName, Params, Result } from "./methods.js";
import { errorFromWire } from "./wire-error.js";

/** The part of a WebSocket that the client stands on; the browser's and that of ws both have it. */
export interface ChannelSocket {
  readonly protocol: string;
  send(data: Uint8Array | string): void;
  close(code?: number, reason?: string): void;
  /** Hangs up without a word, where the socket can; a browser's cannot. */
  terminate?(): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
}

/** A stream or subscription, as the server's frames reach it. */
export interface ClientStream {
  onData?(bytes: Uint8Array): void;
  onItem?(item: unknown): void;
  onCredit?(amount: number): void;
  onEnd(): void;
  onReset(error: GranuleError): void;
}

export interface CallOptions<R> extends RequestOptions {
  signal?: AbortSignal | undefined;
  /** Sees the result before any later frame, so that streams it names are known in time. */
  onResult?: (result: R) => void;
}

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: GranuleError) => void;
  onResult: ((result: never) => void) | undefined;
  /** The caller has left; whatever the answer opens is closed again. */
  abandoned: boolean;
}

// What a server may send; it is trusted with more than it takes itself, and still not with everything.
const SERVER_FRAME_LIMITS = { maxDepth: 64, maxValues: 1 << 24 };

/** The client's end of a connection: requests by id, frames to streams. */
export class ClientConnection {
  readonly hello: Hello;
  /** Methods that change state. */
  readonly keyed: ReadonlySet<string>;
  #heardAt = performance.now();
  #pingSent = false;
  #nextRequest = 1;
  #failure: GranuleError | undefined;
  #leaving: string | undefined;
  readonly #socket: ChannelSocket;
  readonly #codec: Codec;
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, ClientStream>();
  readonly #closed: Promise<void>;
  readonly #losses = new WeakSet<GranuleError>();

  /** Waits for the server's hello on a socket that is open or about to be. */
  static open(socket: ChannelSocket): Promise<ClientConnection> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(unavailable(why));
      socket.onerror = (event) => fail(event.message ?? "the connection failed");
      socket.onclose = (event) => fail(`the server closed the connection (${event.code} ${event.reason})`);
      socket.onmessage = (event) => {
        try {
          const subprotocol = SUBPROTOCOLS.find((name) => name === socket.protocol) ?? SUBPROTOCOLS[0];
          const codec = createCodec(subprotocol, SERVER_FRAME_LIMITS);
          const frame = codec.decode(toPayload(event.data));
          if (frame[0] !== FrameType.hello || frame[1]?.protocol !== "granule.v1") {
            throw new GranuleError("UNSUPPORTED", "the server did not greet with granule.v1");
          }
          resolve(new ClientConnection(socket, codec, frame[1]));
        } catch (error) {
          socket.close();
          reject(GranuleError.from(error));
        }
      };
    });
  }

  private constructor(socket: ChannelSocket, codec: Codec, hello: Hello) {
    this.#socket = socket;
    this.#codec = codec;
    this.hello = hello;
    this.keyed = new Set(hello.keyed);
    const liveness = setInterval(() => this.#checkPeer(), hello.limits.pingTimeoutMs / 2);
    // In Node a connection that nobody waits for lets the process end.
    if (typeof liveness === "object") (liveness as { unref?: () => void }).unref?.();
    this.#closed = new Promise((resolve) => {
      socket.onclose = (event) => {
        clearInterval(liveness);
        this.#lost(unavailable(event.reason === "" ? "the connection was lost" : event.reason));
        resolve();
      };
    });
    socket.onerror = (event) => this.#lost(unavailable(event.message ?? "the connection failed"));
    socket.onmessage = (event) => this.#receive(event.data);
  }

  /** Whether new calls may be made on it. */
  get usable(): boolean {
    return this.#failure === undefined && this.#leaving === undefined;
  }

  /** Whether an error came of the loss of this connection, so that the same may work on another one. */
  lostBy(error: unknown): boolean {
    return error instanceof GranuleError && this.#losses.has(error);
  }

  /** Calls a method. An aborted signal cancels it at the server too. */
  call<M extends MethodName>(method: M, params: Params<M>, options: CallOptions<Result<M>> = {}): Promise<Result<M>> {
    const { signal, onResult, ...wire } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw cancelled(signal);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#leaving !== undefined) throw this.#loss(unavailable(this.#leaving));
      const id = this.#nextRequest++;
      const abort = (): void => {
        pending.abandoned = true;
        this.#send([FrameType.cancel, id]);
        pending.reject(cancelled(signal));
      };
      const settle = (): void => signal?.removeEventListener("abort", abort);
      const pending: Pending = {
        resolve: (result) => {
          settle();
          resolve(result as Result<M>);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onResult,
        abandoned: false,
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#pending.set(id, pending);
      const plain = Object.keys(wire).length === 0;
      this.#send(plain ? [FrameType.request, id, method, params] : [FrameType.request, id, method, params, wire]);
    });
  }

  /** Registers a stream that a result has named. */
  openStream(id: number, stream: ClientStream): void {
    this.#streams.set(id, stream);
  }

  sendData(id: number, bytes: Uint8Array): void {
    this.#send([FrameType.data, id, bytes]);
  }

  sendCredit(id: number, amount: number): void {
    if (this.#streams.has(id)) this.#send([FrameType.credit, id, amount]);
  }

  /** Half-close: this side sends no more. */
  sendEnd(id: number): void {
    this.#send([FrameType.end, id]);
  }

  /** Tells the server that nobody listens any more. */
  cancelStream(id: number): void {
    this.#streams.delete(id);
    this.#send([FrameType.reset, id, "CANCELLED"]);
  }

  /** Hangs up; resolves once the connection is gone. */
  async close(): Promise<void> {
    this.#lost(new GranuleError("CANCELLED", "the connection was closed"));
    this.#socket.close(1000);
    await this.#closed;
  }

  #send(frame: Frame): void {
    if (this.#failure === undefined) this.#socket.send(this.#codec.encode(frame));
  }

  #receive(data: unknown): void {
    if (this.#failure !== undefined) return;
    this.#heardAt = performance.now();
    this.#pingSent = false;
    try {
      this.#dispatch(this.#codec.decode(toPayload(data)));
    } catch (thrown) {
      this.#lost(GranuleError.from(thrown));
      this.#socket.close(1002);
    }
  }

  #dispatch(frame: Frame): void {
    switch (frame[0]) {
      case FrameType.result:
      case FrameType.error:
        this.#answered(frame);
        return;
      case FrameType.data:
        this.#streams.get(frame[1])?.onData?.(frame[2]);
        return;
      case FrameType.item:
        this.#streams.get(frame[1])?.onItem?.(frame[2]);
        return;
      case FrameType.credit:
        this.#streams.get(frame[1])?.onCredit?.(frame[2]);
        return;
      case FrameType.end:
      case FrameType.reset: {
        const stream = this.#streams.get(frame[1]);
        this.#streams.delete(frame[1]);
        if (frame[0] === FrameType.end) stream?.onEnd();
        else stream?.onReset(resetError(frame[2], frame[3]));
        return;
      }
      case FrameType.goaway:
        this.#leaving = frame[1];
        return;
      default:
        throw new GranuleError("INVALID_ARGUMENT", `unexpected message type ${frame[0]} from the server`);
    }
  }

  #answered(frame: Extract<Frame, [2 | 3, ...unknown[]]>): void {
    const pending = this.#pending.get(frame[1]);
    if (pending === undefined) return;
    this.#pending.delete(frame[1]);
    if (frame[0] === FrameType.error) {
      const error = errorFromWire(frame[2]);
      // A request that crossed the goodbye was not begun.
      if (this.#leaving !== undefined && error.code === "UNAVAILABLE" && error.retryable) this.#loss(error);
      pending.reject(error);
      return;
    }
    if (pending.abandoned) {
      for (const id of streamIds(frame[2])) this.cancelStream(id);
      return;
    }
    pending.onResult?.(frame[2] as never);
    pending.resolve(frame[2]);
  }

  #loss(error: GranuleError): GranuleError {
    this.#losses.add(error);
    return error;
  }

  /** Asks a silent server whether it lives, and takes one that does not answer for lost. */
  #checkPeer(): void {
    const { pingIntervalMs, pingTimeoutMs } = this.hello.limits;
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs < pingIntervalMs) return;
    if (!this.#pingSent) {
      this.#pingSent = true;
      this.call("channel.ping", {}).catch(() => {});
    } else if (silentMs >= pingIntervalMs + pingTimeoutMs) {
      this.#lost(unavailable("the server does not answer"));
      if (this.#socket.terminate === undefined) this.#socket.close();
      else this.#socket.terminate();
    }
  }

  #lost(error: GranuleError): void {
    if (this.#failure !== undefined) return;
    this.#failure = this.#loss(error);
    const pending = [...this.#pending.values()];
    const streams = [...this.#streams.values()];
    this.#pending.clear();
    this.#streams.clear();
    for (const { reject } of pending) reject(error);
    for (const stream of streams) stream.onReset(error);
  }
}

/** The streams and subscriptions that a result names. */
function streamIds(result: unknown): number[] {
  if (typeof result !== "object" || result === null) return [];
  const named = result as Record<string, unknown>;
  const ids = ["subscription", "attachment", "stdin", "stdout", "stderr", "logs"].map((name) => named[name]);
  return ids.filter((id) => typeof id === "number");
}

function toPayload(data: unknown): Uint8Array | string {
  if (typeof data === "string" || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new GranuleError("INVALID_ARGUMENT", "a message that is neither text nor bytes");
}

function cancelled(signal: AbortSignal | undefined): GranuleError {
  return new GranuleError("CANCELLED", "the call was cancelled", { cause: signal?.reason });
}

function unavailable(why: string): GranuleError {
  return new GranuleError("UNAVAILABLE", why, { retryable: true });
}

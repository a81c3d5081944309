import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { authorize } from "./authorize.js";
import { Call } from "./call.js";
import type { Codec } from "./codec.js";
import { type Frame, FrameType, type Hello, type RequestOptions, resetError } from "./frames.js";
import { HANDLERS } from "./handlers.js";
import { Intake } from "./intake.js";
import { isMethodName, METHODS, type MethodName } from "./methods.js";
import { Outbox } from "./outbox.js";
import type { AuditEntry, Principal } from "./principal.js";
import type { SampleHubs } from "./sample-hub.js";
import type { SessionStream, StreamHost, Terminal } from "./session-stream.js";
import { parse } from "./validate.js";
import { errorToWire } from "./wire-error.js";

/** Status codes of RFC 6455, section 7.4.1. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_PROTOCOL_ERROR = 1002;
const CLOSE_INVALID_PAYLOAD = 1007;

/** What a session is made of. */
export interface SessionParts {
  socket: WebSocket;
  /** The stream beneath the WebSocket. */
  raw: Duplex;
  codec: Codec;
  /** The runtime as the principal may see it. */
  runtime: Runtime;
  /** Shared by all sessions on that runtime. */
  samples: SampleHubs;
  principal: Principal;
  hello: Hello;
  audit: ((entry: AuditEntry) => void) | undefined;
}

interface Pending {
  call: Call;
  startedAt: number;
  /** Set once the caller has its answer; the work beneath may still go on. */
  answered: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** One connection: its requests, streams and subscriptions. */
export class Session implements StreamHost {
  readonly outbox: Outbox;
  readonly limits: Hello["limits"];
  readonly terminals = new Map<number, Terminal>();
  readonly #socket: WebSocket;
  readonly #runtime: Runtime;
  readonly #samples: SampleHubs;
  readonly #codec: Codec;
  readonly #principal: Principal;
  readonly #audit: SessionParts["audit"];
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, SessionStream>();
  #nextStream = 1;
  /** Requests whose work goes on, whether they were answered or not. */
  #working = 0;
  /** The connection is lost or being closed: nothing that still comes counts. */
  #over = false;
  #leaving: string | undefined;
  #settled: (() => void)[] = [];

  constructor({ socket, raw, codec, runtime, samples, principal, hello, audit }: SessionParts) {
    this.#socket = socket;
    this.#runtime = runtime;
    this.#samples = samples;
    this.#codec = codec;
    this.#principal = principal;
    this.#audit = audit;
    this.limits = hello.limits;
    this.outbox = new Outbox(socket, raw, codec);
    const intake = new Intake<Buffer | string>(socket, this.outbox, (payload) => this.#receive(payload));
    // A message is one Buffer, as the socket's binaryType is left at nodebuffer.
    socket.on("message", (data: Buffer, binary) => intake.push(binary ? data : data.toString("utf8")));
    socket.on("close", () => this.#lost());
    // ws closes the connection by itself; without a listener its error would end the process.
    socket.on("error", () => {});
    this.outbox.send([FrameType.hello, hello]);
  }

  /** Announces the end, waits for the requests in flight until `grace` resolves, and closes. */
  async leave(reason: string, grace: Promise<void>): Promise<void> {
    this.#leaving = reason;
    this.outbox.send([FrameType.goaway, reason]);
    if (this.#pending.size > 0) {
      await Promise.race([new Promise<void>((resolve) => this.#settled.push(resolve)), grace]);
    }
    this.#socket.close(CLOSE_GOING_AWAY, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  openStream(stream: SessionStream): number {
    if (this.#streams.size >= this.limits.maxStreams) {
      throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${this.limits.maxStreams} streams on a connection`);
    }
    const id = this.#nextStream++;
    this.#streams.set(id, stream);
    return id;
  }

  endStream(id: number): void {
    if (this.#streams.delete(id)) this.outbox.send([FrameType.end, id]);
  }

  resetStream(id: number, error: GranuleError): void {
    if (this.#streams.delete(id)) this.outbox.send([FrameType.reset, id, error.code, errorToWire(error)]);
  }

  closeStream(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.onReset(new GranuleError("CANCELLED", "the stream was closed"));
  }

  #receive(payload: Buffer | string): void {
    if (this.#over) return;
    let frame: Frame;
    try {
      frame = this.#codec.decode(payload);
    } catch (thrown) {
      this.#violation(CLOSE_INVALID_PAYLOAD, GranuleError.from(thrown).message);
      return;
    }
    switch (frame[0]) {
      case FrameType.request:
        this.#request(frame[1], frame[2], frame[3], frame[4] ?? {});
        return;
      case FrameType.cancel:
        this.#giveUp(frame[1], new GranuleError("CANCELLED", "the caller cancelled the request"));
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

  #request(id: number, method: string, params: unknown, options: RequestOptions): void {
    if (this.#pending.has(id)) {
      this.#violation(CLOSE_PROTOCOL_ERROR, `request id ${id} is in use`);
      return;
    }
    const startedAt = performance.now();
    try {
      const name = this.#admit(method, options);
      const checked: unknown = parse<unknown>(METHODS[name].params, params ?? {});
      const call = new Call(this.#runtime, this.#samples, this);
      const pending: Pending = { call, startedAt, answered: false, timer: undefined };
      this.#pending.set(id, pending);
      if (options.deadlineMs !== undefined) {
        const late = new GranuleError("DEADLINE_EXCEEDED", `not done within ${options.deadlineMs} ms`);
        pending.timer = setTimeout(() => this.#giveUp(id, late), Math.min(options.deadlineMs, 0x7fffffff));
      }
      void this.#work(id, name, checked, pending);
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      this.outbox.send([FrameType.error, id, errorToWire(error)]);
      if (isMethodName(method)) this.#record(method, params, error.code, startedAt);
    }
  }

  #admit(method: string, options: RequestOptions): MethodName {
    if (this.#leaving !== undefined) {
      throw new GranuleError("UNAVAILABLE", `the server is leaving: ${this.#leaving}`, { retryable: true });
    }
    if (!isMethodName(method)) throw new GranuleError("UNSUPPORTED", `unknown method ${method}`);
    authorize(this.#principal, method);
    if (options.idempotencyKey !== undefined) {
      throw new GranuleError("UNSUPPORTED", "this server does not keep idempotency keys");
    }
    if (this.#working >= this.limits.maxRequestsInFlight) {
      throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${this.limits.maxRequestsInFlight} requests in flight`, {
        retryable: true,
      });
    }
    return method;
  }

  async #work(id: number, method: MethodName, params: unknown, pending: Pending): Promise<void> {
    this.#working++;
    const handler = HANDLERS[method] as (call: Call, params: unknown) => Promise<unknown>;
    let outcome = "OK";
    try {
      const result = await handler(pending.call, params);
      if (pending.answered) pending.call.abandoned();
      else {
        this.#answer(id, pending, [FrameType.result, id, result]);
        pending.call.answered();
      }
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      outcome = error.code;
      pending.call.abandoned();
      if (!pending.answered) this.#answer(id, pending, [FrameType.error, id, errorToWire(error)]);
    } finally {
      this.#working--;
      this.#record(method, params, outcome, pending.startedAt);
    }
  }

  #answer(id: number, pending: Pending, frame: Frame): void {
    pending.answered = true;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    this.outbox.send(frame);
    if (this.#pending.size === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }

  /** Tells the audit what became of a call that changes state, whether its caller still waited or not. */
  #record(method: MethodName, params: unknown, outcome: string, startedAt: number): void {
    if (this.#audit === undefined || !METHODS[method].changes) return;
    const { id, name, path } = (params ?? {}) as Record<string, unknown>;
    const target = [id, name, path].find((value) => typeof value === "string");
    const durationMs = performance.now() - startedAt;
    const who = { principal: this.#principal, method, outcome, durationMs };
    this.#audit(typeof target === "string" ? { ...who, target } : who);
  }

  #giveUp(id: number, error: GranuleError): void {
    const pending = this.#pending.get(id);
    // The answer may have crossed the cancel on its way.
    if (pending === undefined) return;
    pending.call.abort(error);
    this.#answer(id, pending, [FrameType.error, id, errorToWire(error)]);
  }

  #stream(frame: Extract<Frame, [5 | 6 | 7 | 8, ...unknown[]]>): void {
    const stream = this.#streams.get(frame[1]);
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
        this.#streams.delete(frame[1]);
        stream.onReset(resetError(frame[2], frame[3]));
    }
  }

  #violation(code: number, reason: string): void {
    // A close reason has 123 bytes at most (RFC 6455, section 5.5.1).
    this.#socket.close(code, reason.slice(0, 120));
    this.#lost();
  }

  #lost(): void {
    this.#over = true;
    const error = new GranuleError("UNAVAILABLE", "the connection was lost", { retryable: true });
    for (const pending of this.#pending.values()) {
      pending.answered = true;
      clearTimeout(pending.timer);
      pending.call.abort(error);
    }
    this.#pending.clear();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.onReset(error);
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

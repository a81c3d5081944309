import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { authorize } from "./authorize.js";
import { Call } from "./call.js";
import { type Answered, type Frame, FrameType, type RequestOptions } from "./frames.js";
import { HANDLERS, UNDO } from "./handlers.js";
import { type Done, type KeyedCalls, ReplayedError } from "./keyed-calls.js";
import { isMethodName, METHODS, type MethodName } from "./methods.js";
import type { AuditEntry, Principal } from "./principal.js";
import type { SampleHubs } from "./sample-hub.js";
import type { StreamHost } from "./session-stream.js";
import { parse } from "./validate.js";
import { errorToWire } from "./wire-error.js";

/** What a session's requests are answered from. */
export interface Backing {
  /** The runtime as the principal may see it. */
  runtime: Runtime;
  /** Shared by all sessions on that runtime. */
  samples: SampleHubs;
  keyed: KeyedCalls;
  principal: Principal;
  audit: ((entry: AuditEntry) => void) | undefined;
}

interface Pending {
  id: number;
  method: MethodName;
  params: unknown;
  /** Undefined where the outcome is kept for nobody. */
  key: string | undefined;
  call: Call;
  startedAt: number;
  /** Set once the caller has its answer, or has left; the work beneath may still go on. */
  answered: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** The requests of one session: admitted, done, answered, and told to the audit. */
export class Requests {
  readonly #backing: Backing;
  readonly #host: StreamHost;
  readonly #pending = new Map<number, Pending>();
  /** Requests whose work goes on, whether they were answered or not. */
  #working = 0;
  #leaving: string | undefined;
  #settled: (() => void)[] = [];

  constructor(backing: Backing, host: StreamHost) {
    this.#backing = backing;
    this.#host = host;
  }

  /** Whether a request of that id waits for its answer. */
  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** Takes nothing new from now on; resolves once everything was answered. */
  async finish(reason: string): Promise<void> {
    this.#leaving = reason;
    if (this.#pending.size > 0) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  begin(id: number, method: string, params: unknown, options: RequestOptions | undefined): void {
    const startedAt = performance.now();
    let name: MethodName;
    let checked: unknown;
    try {
      name = this.#admit(method);
      checked = parse<unknown>(METHODS[name].params, params ?? {});
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      this.#host.outbox.send([FrameType.error, id, errorToWire(error)]);
      if (isMethodName(method)) this.#record(method, params, startedAt, { outcome: error.code });
      return;
    }
    const call = new Call(this.#backing.runtime, this.#backing.samples, this.#host);
    const key = METHODS[name].changes ? options?.idempotencyKey : undefined;
    const pending: Pending = {
      id,
      method: name,
      params: checked,
      key,
      call,
      startedAt,
      answered: false,
      timer: undefined,
    };
    this.#pending.set(id, pending);
    const deadlineMs = options?.deadlineMs;
    if (deadlineMs !== undefined) {
      const late = new GranuleError("DEADLINE_EXCEEDED", `not done within ${deadlineMs} ms`);
      pending.timer = setTimeout(() => this.giveUp(id, late), Math.min(deadlineMs, 0x7fffffff));
    }
    void this.#work(pending);
  }

  /** The caller waits no longer; an answer may have crossed that on its way. */
  giveUp(id: number, error: GranuleError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.call.abort(error);
    this.#answer(pending, [FrameType.error, id, errorToWire(error)]);
  }

  /** The connection is gone. A call with a key goes on: its caller may come back for the answer. */
  lost(error: GranuleError): void {
    for (const pending of this.#pending.values()) {
      pending.answered = true;
      clearTimeout(pending.timer);
      if (pending.key === undefined) pending.call.abort(error);
    }
    this.#pending.clear();
    this.#allSettled();
  }

  #admit(method: string): MethodName {
    if (this.#leaving !== undefined) {
      throw new GranuleError("UNAVAILABLE", `the server is leaving: ${this.#leaving}`, { retryable: true });
    }
    if (!isMethodName(method)) throw new GranuleError("UNSUPPORTED", `unknown method ${method}`);
    authorize(this.#backing.principal, method);
    const { maxRequestsInFlight } = this.#host.limits;
    if (this.#working >= maxRequestsInFlight) {
      throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${maxRequestsInFlight} requests in flight`, {
        retryable: true,
      });
    }
    return method;
  }

  async #work(pending: Pending): Promise<void> {
    this.#working++;
    const { id, call } = pending;
    let record: { outcome: string; replayed?: true } = { outcome: "OK" };
    try {
      const { result, replayed } = await this.#outcome(pending);
      if (replayed) record = { outcome: "OK", replayed };
      if (pending.answered) call.abandoned();
      else {
        this.#answer(pending, replayed ? [FrameType.result, id, result, { replayed }] : [FrameType.result, id, result]);
        call.answered();
      }
    } catch (thrown) {
      const replayed = thrown instanceof ReplayedError;
      const error = replayed ? thrown.error : GranuleError.from(thrown);
      const about: [Answered?] = replayed ? [{ replayed }] : [];
      record = replayed ? { outcome: error.code, replayed } : { outcome: error.code };
      call.abandoned();
      if (!pending.answered) this.#answer(pending, [FrameType.error, id, errorToWire(error), ...about]);
    } finally {
      this.#working--;
      this.#record(pending.method, pending.params, pending.startedAt, record);
    }
  }

  async #outcome(pending: Pending): Promise<{ result: unknown; replayed?: true }> {
    const { method, params, key } = pending;
    if (key === undefined) return { result: (await this.#do(pending)).result };
    const principal = this.#backing.principal.name;
    const { result, replayed } = await this.#backing.keyed.once({ principal, key, method, params }, () =>
      this.#do(pending),
    );
    return replayed ? { result, replayed } : { result };
  }

  async #do({ method, params, call }: Pending): Promise<Done> {
    const handler = HANDLERS[method] as (call: Call, params: unknown) => Promise<unknown>;
    const result = await handler(call, params);
    const undo = UNDO[method];
    if (call.failure !== undefined && undo !== undefined) {
      const startedAt = performance.now();
      const { method, params } = undo(result);
      const outcome = await (HANDLERS[method] as typeof handler)(
        new Call(call.runtime, call.samples, call.host),
        params,
      )
        .then(() => "OK")
        .catch((thrown: unknown) => GranuleError.from(thrown).code);
      this.#record(method, params, startedAt, { outcome });
      throw call.failure;
    }
    return call.remembered === undefined ? { result } : { result, remembered: call.remembered };
  }

  #answer(pending: Pending, frame: Frame): void {
    pending.answered = true;
    clearTimeout(pending.timer);
    this.#pending.delete(pending.id);
    this.#host.outbox.send(frame);
    if (this.#pending.size === 0) this.#allSettled();
  }

  #allSettled(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  /** Tells the audit what became of a call that changes state, whether its caller still waited or not. */
  #record(
    method: MethodName,
    params: unknown,
    startedAt: number,
    record: Pick<AuditEntry, "outcome" | "replayed">,
  ): void {
    const { audit, principal } = this.#backing;
    if (audit === undefined || METHODS[method].role === "reader") return;
    const { id, name, path } = (params ?? {}) as Record<string, unknown>;
    const target = [id, name, path].find((value) => typeof value === "string");
    const durationMs = performance.now() - startedAt;
    audit({ principal, method, durationMs, ...record, ...(typeof target === "string" && { target }) });
  }
}

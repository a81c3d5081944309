import { GranuleError } from "../errors.js";
import type { CallOptions, ClientConnection } from "./client-connection.js";
import type { MethodName, Params, Result } from "./methods.js";

/** How a lost connection is made again. */
export interface ReconnectOptions {
  /** Longest pause before the first attempt, in milliseconds; it doubles from there. 100 unless told. */
  firstDelayMs?: number;
  /** Longest pause between attempts; 5000 unless told. */
  maxDelayMs?: number;
  /** Calls wait so long for a connection before they fail as UNAVAILABLE; 60,000 unless told. */
  giveUpAfterMs?: number;
}

/** Opens a connection; rejects with UNAVAILABLE where that may work later. */
export type Dial = (signal: AbortSignal) => Promise<ClientConnection>;

/**
 * The connection of a client, made again when it is lost. Calls are repeated on the new one, those that change state
 * with an idempotency key, so that they are done once.
 */
export class ClientLink {
  #connection: ClientConnection;
  #connecting: Promise<ClientConnection> | undefined;
  #closed: GranuleError | undefined;
  readonly #dial: Dial | undefined;
  readonly #options: Required<ReconnectOptions>;
  readonly #abort = new AbortController();

  constructor(connection: ClientConnection, dial: Dial | undefined, options: ReconnectOptions = {}) {
    this.#connection = connection;
    this.#dial = dial;
    this.#options = { firstDelayMs: 100, maxDelayMs: 5000, giveUpAfterMs: 60_000, ...options };
  }

  /** The connection, once there is one. */
  connection(): Promise<ClientConnection> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#dial === undefined || this.#connection.usable) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#reconnect(this.#dial).finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Calls a method, again where the connection was lost before the answer. */
  async call<M extends MethodName>(
    method: M,
    params: Params<M>,
    options: CallOptions<Result<M>> = {},
  ): Promise<Result<M>> {
    if (this.#dial === undefined) return this.#connection.call(method, params, options);
    let given = options;
    for (;;) {
      const connection = await this.#patiently(options.signal);
      if (given.idempotencyKey === undefined && connection.keyed.has(method)) {
        given = { ...options, idempotencyKey: crypto.randomUUID() };
      }
      try {
        return await connection.call(method, params, given);
      } catch (error) {
        if (!this.resumes(connection, error)) throw error;
      }
    }
  }

  /** Whether an error is the loss of a connection that can be made again. */
  resumes(connection: ClientConnection, error: unknown): boolean {
    return this.#dial !== undefined && this.#closed === undefined && connection.lostBy(error);
  }

  async close(): Promise<void> {
    this.#closed = new GranuleError("CANCELLED", "the connection was closed");
    this.#abort.abort(this.#closed);
    await this.#connection.close();
  }

  /** The connection, or the end of a caller's patience. */
  async #patiently(signal: AbortSignal | undefined): Promise<ClientConnection> {
    const connection = this.connection();
    if (signal === undefined) return connection;
    let abort = (): void => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      abort = () => reject(new GranuleError("CANCELLED", "the call was cancelled", { cause: signal.reason }));
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
    try {
      return await Promise.race([connection, aborted]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #reconnect(dial: Dial): Promise<ClientConnection> {
    const { firstDelayMs, maxDelayMs, giveUpAfterMs } = this.#options;
    const giveUpAt = performance.now() + giveUpAfterMs;
    for (let longest = firstDelayMs; ; longest = Math.min(longest * 2, maxDelayMs)) {
      // Clients that lost one server do not come back all at the same moment.
      await this.#pause(longest * (0.5 + Math.random() / 2));
      try {
        this.#connection = await dial(this.#abort.signal);
        if (this.#closed === undefined) return this.#connection;
        await this.#connection.close();
        throw this.#closed;
      } catch (thrown) {
        if (this.#closed !== undefined) throw this.#closed;
        const error = GranuleError.from(thrown);
        if (!error.retryable || performance.now() >= giveUpAt) throw error;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

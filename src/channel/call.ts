import type { Container, Runtime } from "../api.js";
import type { GranuleError } from "../errors.js";
import type { SampleHubs } from "./sample-hub.js";
import type { SessionStream, StreamHost, StreamKind } from "./session-stream.js";

/** A request while it is worked on: what a handler may use besides its params. */
export class Call {
  readonly runtime: Runtime;
  readonly samples: SampleHubs;
  /** What a repetition of the call gets, where that is not the result. */
  remembered: Promise<unknown> | undefined;
  /** Why the call was given up: the caller cancelled it, its deadline passed, or the connection was lost. */
  failure: GranuleError | undefined;
  readonly #session: StreamHost;
  #host: StreamHost | undefined;
  #abort: AbortController | undefined;
  #answered: (() => void)[] | undefined;
  #opened: number[] | undefined;

  constructor(runtime: Runtime, samples: SampleHubs, session: StreamHost) {
    this.runtime = runtime;
    this.samples = samples;
    this.#session = session;
  }

  /** The session's streams; those that a handler opens belong to the call until it is answered. */
  get host(): StreamHost {
    const session = this.#session;
    this.#host ??= {
      limits: session.limits,
      outbox: session.outbox,
      terminals: session.terminals,
      openStream: (stream: SessionStream, kind: StreamKind): number => {
        const id = session.openStream(stream, kind);
        this.#opened ??= [];
        this.#opened.push(id);
        return id;
      },
      endStream: (id) => session.endStream(id),
      resetStream: (id, error) => session.resetStream(id, error),
      closeStream: (id) => session.closeStream(id),
    };
    return this.#host;
  }

  /** Aborts when the call is given up. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.failure !== undefined) this.#abort.abort(this.failure);
    return this.#abort.signal;
  }

  /** The container to act on; throws instead where the call was given up meanwhile, so that nothing is done for nobody. */
  async container(id: string): Promise<Container> {
    const container = await this.runtime.containers.get(id);
    if (this.failure !== undefined) throw this.failure;
    return container;
  }

  /** Runs once the response is out, so that no stream overtakes the response that names it. */
  onAnswered(start: () => void): void {
    this.#answered ??= [];
    this.#answered.push(start);
  }

  answered(): void {
    for (const start of this.#answered ?? []) start();
  }

  abort(failure: GranuleError): void {
    this.failure = failure;
    this.#abort?.abort(failure);
  }

  /** The call was given up before its answer: closes the streams that nobody will ever learn of. */
  abandoned(): void {
    for (const id of this.#opened?.splice(0) ?? []) this.#session.closeStream(id);
  }
}

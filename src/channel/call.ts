import type { Container, Runtime } from "../api.js";
import type { GranuleError } from "../errors.js";
import type { SampleHubs } from "./sample-hub.js";
import type { SessionStream, StreamHost } from "./session-stream.js";

/** A request while it is worked on: what a handler may use besides its params. */
export class Call {
  readonly runtime: Runtime;
  readonly host: StreamHost;
  readonly samples: SampleHubs;
  #abort: AbortController | undefined;
  #failure: GranuleError | undefined;
  #answered: (() => void)[] = [];
  #opened: number[] = [];

  constructor(runtime: Runtime, samples: SampleHubs, host: StreamHost) {
    this.runtime = runtime;
    this.samples = samples;
    // Streams that a handler opens belong to the call until it is answered.
    this.host = {
      limits: host.limits,
      outbox: host.outbox,
      terminals: host.terminals,
      openStream: (stream: SessionStream): number => {
        const id = host.openStream(stream);
        this.#opened.push(id);
        return id;
      },
      endStream: (id) => host.endStream(id),
      resetStream: (id, error) => host.resetStream(id, error),
      closeStream: (id) => host.closeStream(id),
    };
  }

  /** Aborts when the caller cancels, the deadline passes or the connection is lost. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#failure !== undefined) this.#abort.abort(this.#failure);
    return this.#abort.signal;
  }

  /** The container to act on; throws instead where the call was given up meanwhile, so that nothing is done for nobody. */
  async container(id: string): Promise<Container> {
    const container = await this.runtime.containers.get(id);
    if (this.#failure !== undefined) throw this.#failure;
    return container;
  }

  /** Runs once the response is out, so that no stream overtakes the response that names it. */
  onAnswered(start: () => void): void {
    this.#answered.push(start);
  }

  answered(): void {
    for (const start of this.#answered.splice(0)) start();
  }

  abort(failure: GranuleError): void {
    this.#failure = failure;
    this.#abort?.abort(failure);
  }

  /** The call was given up before its answer: closes the streams that nobody will ever learn of. */
  abandoned(): void {
    for (const id of this.#opened.splice(0)) this.host.closeStream(id);
  }
}

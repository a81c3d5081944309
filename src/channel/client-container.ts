import type {
  Attachment,
  AttachOptions,
  Container,
  ContainerInfo,
  ExecOptions,
  ExitStatus,
  Limits,
  LogLine,
  LogOptions,
  RestartPolicy,
  Sample,
} from "../api.js";
import { RemoteAttachment } from "./client-attachment.js";
import type { ClientConnection } from "./client-connection.js";
import { openFeed } from "./client-feeds.js";
import { LogLineParser } from "./log-format.js";
import type { Params, SamplesItem } from "./protocol.js";

/** A container at the far end of a connection. */
export class RemoteContainer implements Container {
  readonly id: string;
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection, id: string) {
    this.#connection = connection;
    this.id = id;
  }

  inspect(): Promise<ContainerInfo> {
    return this.#connection.call("containers.inspect", { id: this.id });
  }

  async start(): Promise<void> {
    await this.#connection.call("containers.start", { id: this.id });
  }

  async kill(signal?: string | number): Promise<void> {
    await this.#connection.call("containers.kill", { id: this.id, ...(signal !== undefined && { signal }) });
  }

  stop(options: { timeoutSeconds?: number } = {}): Promise<ExitStatus> {
    return this.#connection.call("containers.stop", { ...options, id: this.id });
  }

  async restart(options: { timeoutSeconds?: number } = {}): Promise<void> {
    await this.#connection.call("containers.restart", { ...options, id: this.id });
  }

  async pause(): Promise<void> {
    await this.#connection.call("containers.pause", { id: this.id });
  }

  async resume(): Promise<void> {
    await this.#connection.call("containers.resume", { id: this.id });
  }

  update(limits: Limits & { restart?: RestartPolicy }): Promise<ContainerInfo> {
    return this.#connection.call("containers.update", { id: this.id, limits });
  }

  exec(options: ExecOptions): Promise<Attachment> {
    return this.#attachment("containers.exec", { ...options, id: this.id });
  }

  attach(options: AttachOptions = {}): Promise<Attachment> {
    return this.#attachment("containers.attach", { ...options, id: this.id });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#connection.call("containers.resize", { id: this.id, rows, columns });
  }

  async *logs(options: LogOptions = {}): AsyncIterable<LogLine> {
    const { signal, ...params } = options;
    const feed = await openFeed<"containers.logs", Uint8Array>(
      this.#connection,
      "containers.logs",
      { ...params, id: this.id },
      signal,
    );
    const parser = new LogLineParser();
    for await (const bytes of feed) yield* parser.push(bytes);
  }

  async *samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    yield* remoteSamples(this.#connection, { id: this.id }, options.signal);
  }

  wait(options: { signal?: AbortSignal } = {}): Promise<ExitStatus> {
    return this.#connection.call("containers.wait", { id: this.id }, { signal: options.signal });
  }

  async remove(options: { force?: boolean } = {}): Promise<void> {
    await this.#connection.call("containers.remove", { ...options, id: this.id });
  }

  async #attachment<M extends "containers.exec" | "containers.attach">(
    method: M,
    params: Params<M>,
  ): Promise<Attachment> {
    const opened: RemoteAttachment[] = [];
    await this.#connection.call(method, params, {
      onResult: (streams) => opened.push(new RemoteAttachment(this.#connection, streams)),
    });
    return opened[0] as RemoteAttachment;
  }
}

/** The samples of one container, or of all. */
export async function* remoteSamples(
  connection: ClientConnection,
  params: { id?: string },
  signal: AbortSignal | undefined,
): AsyncGenerator<Sample> {
  const feed = await openFeed<"samples.subscribe", SamplesItem>(connection, "samples.subscribe", params, signal);
  for await (const item of feed) yield* item.samples;
}

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
import { remoteLogs, remoteSamples } from "./client-feeds.js";
import type { ClientLink } from "./client-link.js";
import type { Params } from "./methods.js";

/** A container at the far end of a connection. */
export class RemoteContainer implements Container {
  readonly id: string;
  readonly #link: ClientLink;

  constructor(link: ClientLink, id: string) {
    this.#link = link;
    this.id = id;
  }

  inspect(): Promise<ContainerInfo> {
    return this.#link.call("containers.inspect", { id: this.id });
  }

  async start(): Promise<void> {
    await this.#link.call("containers.start", { id: this.id });
  }

  async kill(signal?: string | number): Promise<void> {
    await this.#link.call("containers.kill", { id: this.id, ...(signal !== undefined && { signal }) });
  }

  stop(options: { timeoutSeconds?: number } = {}): Promise<ExitStatus> {
    return this.#link.call("containers.stop", { ...options, id: this.id });
  }

  async restart(options: { timeoutSeconds?: number } = {}): Promise<void> {
    await this.#link.call("containers.restart", { ...options, id: this.id });
  }

  async pause(): Promise<void> {
    await this.#link.call("containers.pause", { id: this.id });
  }

  async resume(): Promise<void> {
    await this.#link.call("containers.resume", { id: this.id });
  }

  update(limits: Limits & { restart?: RestartPolicy }): Promise<ContainerInfo> {
    return this.#link.call("containers.update", { id: this.id, limits });
  }

  exec(options: ExecOptions): Promise<Attachment> {
    return this.#attachment("containers.exec", { ...options, id: this.id });
  }

  attach(options: AttachOptions = {}): Promise<Attachment> {
    return this.#attachment("containers.attach", { ...options, id: this.id });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#link.call("containers.resize", { id: this.id, rows, columns });
  }

  logs(options: LogOptions = {}): AsyncIterable<LogLine> {
    return remoteLogs(this.#link, this.id, options);
  }

  samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    return remoteSamples(this.#link, { id: this.id }, options.signal);
  }

  wait(options: { signal?: AbortSignal } = {}): Promise<ExitStatus> {
    return this.#link.call("containers.wait", { id: this.id }, { signal: options.signal });
  }

  async export(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#link.call("containers.export", { id: this.id, path }, { signal: options.signal });
  }

  async remove(options: { force?: boolean } = {}): Promise<void> {
    await this.#link.call("containers.remove", { ...options, id: this.id });
  }

  async #attachment<M extends "containers.exec" | "containers.attach">(
    method: M,
    params: Params<M>,
  ): Promise<Attachment> {
    const opened: RemoteAttachment[] = [];
    // Not repeated after a lost connection: the process may have been started, and its output lost.
    const connection = await this.#link.connection();
    await connection.call(method, params, {
      onResult: (streams) => opened.push(new RemoteAttachment(connection, streams)),
    });
    return opened[0] as RemoteAttachment;
  }
}

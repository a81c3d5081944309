import { createConnection, type Socket } from "node:net";
import { GranuleError } from "../errors.js";
import {
  decodeExit,
  decodeFailure,
  decodeState,
  encodeFrame,
  type Frame,
  FrameReader,
  Message,
  type MonitorExit,
  type MonitorFailure,
  type MonitorState,
} from "./monitor-frames.js";

/** The monitor refused a request; `failure` says at which step. */
export class MonitorRefusal extends Error {
  readonly failure: MonitorFailure;

  constructor(failure: MonitorFailure) {
    super(`${failure.step}: ${failure.errno} ${failure.path}`);
    this.failure = failure;
  }
}

/** The monitor's socket closed, or nobody listens there any more. */
export class MonitorGone extends Error {}

/** One connection to a monitor. Requests are answered in order, so a Wait needs a connection of its own. */
export class MonitorClient {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #pending: { resolve: (frame: Frame) => void; reject: (reason: Error) => void }[] = [];
  #stream: ((frame: Frame) => void) | undefined;
  #onClosed: ((reason: Error) => void) | undefined;
  #closed: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (thrown) => this.#close(new MonitorGone(thrown.message)));
    socket.on("close", () => this.#close(new MonitorGone("the monitor closed its socket")));
  }

  /** @throws MonitorGone where nobody listens on the path. */
  static connect(path: string): Promise<MonitorClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const refuse = (thrown: Error): void => reject(new MonitorGone(thrown.message));
      socket.once("error", refuse);
      socket.once("connect", () => {
        socket.off("error", refuse);
        resolve(new MonitorClient(socket));
      });
    });
  }

  /** Opens a connection for one request. */
  static async once<T>(path: string, request: (client: MonitorClient) => Promise<T>): Promise<T> {
    const client = await MonitorClient.connect(path);
    try {
      return await request(client);
    } finally {
      client.close();
    }
  }

  async state(): Promise<MonitorState> {
    return decodeState(await this.#request(Message.State, Message.StateReply));
  }

  async start(): Promise<void> {
    await this.#request(Message.Start, Message.Ok);
  }

  async kill(signal: number): Promise<void> {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(signal);
    await this.#request(Message.Kill, Message.Ok, payload);
  }

  async resize(rows: number, columns: number): Promise<void> {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt16LE(rows, 0);
    payload.writeUInt16LE(columns, 2);
    await this.#request(Message.Resize, Message.Ok, payload);
  }

  async wait(): Promise<MonitorExit> {
    return decodeExit(await this.#request(Message.Wait, Message.Exit));
  }

  /** Turns the connection into a stream: every later frame goes to `onFrame`, the close to `onClosed`. */
  async attach(bits: number, onFrame: (frame: Frame) => void, onClosed: (reason: Error) => void): Promise<void> {
    this.#onClosed = onClosed;
    await this.#request(Message.Attach, Message.Ok, Buffer.of(bits), () => (this.#stream = onFrame));
  }

  send(type: number, payload: Uint8Array): void {
    if (!this.#closed) this.#socket.write(encodeFrame(type, payload));
  }

  /** Stops reading from the socket, so that the monitor holds back; what was read already still arrives. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#close(new MonitorGone("the connection was closed here"));
    this.#socket.destroy();
  }

  #request(type: number, expected: number, payload?: Uint8Array, onAnswer?: () => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(this.#closed);
        return;
      }
      const answered = (frame: Frame): void => {
        if (frame.type === Message.Failure) {
          reject(new MonitorRefusal(decodeFailure(frame.payload)));
        } else if (frame.type === expected) {
          onAnswer?.();
          resolve(frame.payload);
        } else {
          reject(new GranuleError("CORRUPT", `a monitor answered request ${type} with frame ${frame.type}`));
        }
      };
      this.#pending.push({ resolve: answered, reject });
      this.#socket.write(encodeFrame(type, payload));
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (this.#stream) this.#stream(frame);
        else this.#pending.shift()?.resolve(frame);
      }
    } catch (thrown) {
      this.#close(GranuleError.from(thrown));
      this.#socket.destroy();
    }
  }

  #close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = reason;
    for (const waiting of this.#pending.splice(0)) waiting.reject(reason);
    this.#onClosed?.(reason);
  }
}

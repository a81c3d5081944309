import type { Attachment, AttachOptions, ExitStatus } from "../api.js";
import { GranuleError } from "../errors.js";
import { Deferred } from "./deferred.js";
import { exitStatus } from "./exit.js";
import { MonitorClient } from "./monitor-client.js";
import { decodeExit, type Frame, Message } from "./monitor-frames.js";

interface Output {
  stream: "stdout" | "stderr";
  data: Uint8Array;
}

/** Input that may be on its way before the process took any of it over. */
const inputWindowBytes = 256 * 1024;
const inputFrameBytes = 64 * 1024;

/** Short writes of the process that wait for the reader are handed over together, up to this size. */
const joinedBytes = 64 * 1024;

/** Output held here for a slow reader before its socket is read no further. */
const outputHighWaterBytes = 256 * 1024;

/** A process's standard streams, over a monitor connection of their own. */
export class MonitorAttachment implements Attachment {
  readonly output: AsyncIterable<Output>;
  readonly #client: MonitorClient;
  readonly #controlPath: string;
  readonly #queue: Output[] = [];
  readonly #exit = new Deferred<ExitStatus>();
  #queuedBytes = 0;
  #uncreditedBytes = 0;
  #paused = false;
  #ended = false;
  #inputClosed = false;
  #writes: Promise<void> = Promise.resolve();
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  private constructor(client: MonitorClient, controlPath: string) {
    this.#client = client;
    this.#controlPath = controlPath;
    this.output = this.#read();
  }

  static async open(socketPath: string, options: AttachOptions = {}): Promise<MonitorAttachment> {
    const bits =
      (options.stdin === false ? 0 : 1) | (options.stdout === false ? 0 : 2) | (options.stderr === false ? 0 : 4);
    const client = await MonitorClient.connect(socketPath);
    const attachment = new MonitorAttachment(client, socketPath);
    try {
      await client.attach(
        bits,
        (frame) => attachment.#receive(frame),
        (reason) => attachment.#end(reason),
      );
    } catch (thrown) {
      client.close();
      throw thrown;
    }
    return attachment;
  }

  write(data: Uint8Array): Promise<void> {
    const copy = Buffer.from(data);
    return this.#inOrder(() => this.#send(copy));
  }

  closeInput(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#inputClosed || this.#ended) return;
      this.#inputClosed = true;
      this.#client.send(Message.Input, new Uint8Array());
    });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await MonitorClient.once(this.#controlPath, (client) => client.resize(rows, columns));
  }

  wait(): Promise<ExitStatus> {
    return this.#exit.promise;
  }

  async detach(): Promise<void> {
    this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach();
  }

  #inOrder(write: () => Promise<void>): Promise<void> {
    const turn = this.#writes.then(write);
    this.#writes = turn.catch(() => undefined);
    return turn;
  }

  async #send(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; ) {
      while (this.#uncreditedBytes >= inputWindowBytes && !this.#ended) await this.#credit();
      if (this.#ended || this.#inputClosed) throw inputEnded();
      const piece = data.subarray(at, at + Math.min(inputFrameBytes, inputWindowBytes - this.#uncreditedBytes));
      this.#uncreditedBytes += piece.length;
      this.#client.send(Message.Input, piece);
      at += piece.length;
    }
    while (this.#uncreditedBytes > 0 && !this.#ended) await this.#credit();
    if (this.#uncreditedBytes > 0) throw inputEnded();
  }

  #credit(): Promise<void> {
    return new Promise((resolve) => (this.#wakeWriter = resolve));
  }

  #receive(frame: Frame): void {
    if (frame.type === Message.Stdout || frame.type === Message.Stderr) {
      this.#queue.push({ stream: frame.type === Message.Stdout ? "stdout" : "stderr", data: frame.payload });
      this.#queuedBytes += frame.payload.length;
      if (this.#queuedBytes >= outputHighWaterBytes && !this.#paused) {
        this.#paused = true;
        this.#client.pause();
      }
      this.#wakeReader?.();
    } else if (frame.type === Message.Credit) {
      this.#uncreditedBytes -= frame.payload.readUInt32LE(0);
      this.#wakeWriter?.();
    } else if (frame.type === Message.Exit) {
      this.#exit.resolve(exitStatus(decodeExit(frame.payload)));
      this.#client.close();
    }
  }

  #end(reason: Error): void {
    this.#ended = true;
    this.#exit.reject(
      new GranuleError("UNAVAILABLE", "the attachment ended before the process did", { cause: reason }),
    );
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async *#read(): AsyncGenerator<Output> {
    for (;;) {
      for (const next of joined(this.#queue.splice(0))) {
        this.#queuedBytes -= next.data.length;
        if (this.#paused && this.#queuedBytes < outputHighWaterBytes / 2) {
          this.#paused = false;
          this.#client.resume();
        }
        yield next;
      }
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }
}

/** Neighbours of one stream as one piece, in the order of arrival. */
function* joined(pieces: Output[]): Generator<Output> {
  for (let start = 0, end = 0; start < pieces.length; start = end) {
    const first = pieces[start] as Output;
    let bytes = 0;
    for (let next = pieces[end]; next && next.stream === first.stream; next = pieces[++end]) {
      if (end > start && bytes + next.data.length > joinedBytes) break;
      bytes += next.data.length;
    }
    if (end === start + 1) yield first;
    else
      yield {
        stream: first.stream,
        data: Buffer.concat(
          pieces.slice(start, end).map(({ data }) => data),
          bytes,
        ),
      };
  }
}

function inputEnded(): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", "the input of this process is closed");
}

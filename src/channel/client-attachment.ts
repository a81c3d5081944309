import type { Attachment, ExitStatus } from "../api.js";
import { GranuleError } from "../errors.js";
import type { ClientConnection } from "./client-connection.js";
import { ReceiveCredit, SendCredit } from "./credit.js";
import { FlowQueue } from "./flow-queue.js";
import { DATA_FRAME_BYTES } from "./limits.js";
import type { AttachmentStreams, ExitItem } from "./protocol.js";

type Output = { stream: "stdout" | "stderr"; data: Uint8Array };

/** An exec or attach at the far end of a connection. */
export class RemoteAttachment implements Attachment {
  readonly output: AsyncIterable<Output>;
  readonly #connection: ClientConnection;
  readonly #streams: AttachmentStreams;
  readonly #queue: FlowQueue<Output>;
  readonly #stdinCredit: SendCredit;
  readonly #exit: Promise<ExitStatus>;
  #lastWrite: Promise<void> = Promise.resolve();
  #detached = false;

  /** Made while the response is handled, so that no frame of its streams comes too early. */
  constructor(connection: ClientConnection, streams: AttachmentStreams) {
    this.#connection = connection;
    this.#streams = streams;
    const window = connection.hello.limits.streamWindowBytes;
    this.#stdinCredit = new SendCredit(window);
    const credits = {
      stdout: new ReceiveCredit(window, (amount) => connection.sendCredit(streams.stdout, amount)),
      stderr: new ReceiveCredit(window, (amount) => connection.sendCredit(streams.stderr, amount)),
    };
    this.#queue = new FlowQueue<Output>({
      consumed: ({ stream, data }) => credits[stream].consumed(data.length),
      cancelled: () => {
        connection.cancelStream(streams.stdout);
        connection.cancelStream(streams.stderr);
      },
    });
    this.output = this.#queue;
    let open = 2;
    for (const stream of ["stdout", "stderr"] as const) {
      connection.openStream(streams[stream], {
        onData: (data) => this.#queue.push({ stream, data }),
        onEnd: () => {
          if (--open === 0) this.#queue.end();
        },
        onReset: (error) => this.#queue.fail(error),
      });
    }
    if (streams.stdin !== undefined) {
      connection.openStream(streams.stdin, {
        onCredit: (amount) => this.#stdinCredit.grant(amount),
        onEnd: () => this.#stdinCredit.fail(inputClosed()),
        onReset: (error) => this.#stdinCredit.fail(error),
      });
    } else {
      this.#stdinCredit.fail(inputClosed());
    }
    this.#exit = new Promise((resolve, reject) => {
      connection.openStream(streams.attachment, {
        onItem: (item) => resolve((item as ExitItem).exit),
        onEnd: () => reject(new GranuleError("INTERNAL", "the server ended the attachment without an exit")),
        onReset: reject,
      });
    });
    // Not everybody waits for the exit; who does gets the error there.
    this.#exit.catch(() => {});
  }

  write(data: Uint8Array): Promise<void> {
    return this.#inOrder(async (stdin) => {
      for (let offset = 0; offset < data.length; ) {
        const size = await this.#stdinCredit.take(Math.min(data.length - offset, DATA_FRAME_BYTES));
        this.#connection.sendData(stdin, data.subarray(offset, offset + size));
        offset += size;
      }
    });
  }

  closeInput(): Promise<void> {
    return this.#inOrder(async (stdin) => {
      this.#connection.sendEnd(stdin);
      this.#stdinCredit.fail(inputClosed());
    });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#connection.call("containers.resize", { attachment: this.#streams.attachment, rows, columns });
  }

  wait(): Promise<ExitStatus> {
    return this.#exit;
  }

  async detach(): Promise<void> {
    if (this.#detached) return;
    this.#detached = true;
    this.#connection.cancelStream(this.#streams.attachment);
    this.#queue.cancel();
    this.#stdinCredit.fail(new GranuleError("CANCELLED", "detached"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach();
  }

  /** Writes and the half-close keep the order in which they were asked for. */
  #inOrder(step: (stdin: number) => Promise<void>): Promise<void> {
    const stdin = this.#streams.stdin;
    if (stdin === undefined) return Promise.reject(inputClosed());
    const done = this.#lastWrite.then(() => step(stdin));
    this.#lastWrite = done.catch(() => {});
    return done;
  }
}

function inputClosed(): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", "the input is closed", {
    hint: "ask for `stdin: true` to write to a process",
  });
}

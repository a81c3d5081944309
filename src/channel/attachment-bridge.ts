import type { Attachment } from "../api.js";
import { GranuleError } from "../errors.js";
import { ByteSender } from "./byte-sender.js";
import { ReceiveCredit } from "./credit.js";
import { FrameType } from "./frames.js";
import { ItemSender } from "./item-sender.js";
import type { AttachmentStreams } from "./protocol.js";
import type { SessionStream, StreamHost, Terminal } from "./session-stream.js";

/** Joins an attachment of the runtime with the streams of a session. */
export class AttachmentBridge implements Terminal {
  readonly streams: AttachmentStreams;
  readonly #attachment: Attachment;
  readonly #host: StreamHost;
  readonly #exit: ItemSender;
  readonly #stdout: ByteSender;
  readonly #stderr: ByteSender;
  #detached = false;

  constructor(host: StreamHost, attachment: Attachment, stdin: boolean) {
    this.#host = host;
    this.#attachment = attachment;
    this.#exit = new ItemSender(host, "fail", () => this.#detach());
    this.#stdout = new ByteSender(host, () => {});
    this.#stderr = new ByteSender(host, () => {});
    this.streams = { attachment: this.#exit.id, stdout: this.#stdout.id, stderr: this.#stderr.id };
    host.terminals.set(this.#exit.id, this);
    if (stdin) this.streams.stdin = new InputStream(host, attachment).id;
  }

  resize(rows: number, columns: number): Promise<void> {
    return this.#attachment.resize(rows, columns);
  }

  /** Begins to send; called once the response is out. */
  start(): void {
    void this.#sendOutput();
    void this.#sendExit();
  }

  async #sendOutput(): Promise<void> {
    try {
      for await (const { stream, data } of this.#attachment.output) {
        await (stream === "stderr" ? this.#stderr : this.#stdout).send(data);
      }
      this.#stdout.end();
      this.#stderr.end();
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      this.#stdout.fail(error);
      this.#stderr.fail(error);
    }
  }

  async #sendExit(): Promise<void> {
    try {
      const exit = await this.#attachment.wait();
      this.#exit.offer({ seq: 1, exit });
      this.#exit.end();
    } catch (thrown) {
      if (!this.#detached) this.#exit.fail(GranuleError.from(thrown));
    } finally {
      this.#host.terminals.delete(this.streams.attachment);
    }
  }

  #detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    this.#host.terminals.delete(this.streams.attachment);
    for (const stream of [this.streams.stdin, this.streams.stdout, this.streams.stderr]) {
      if (stream !== undefined) this.#host.closeStream(stream);
    }
    // Whoever listened has left; a fault in letting go has nobody to go to but the runtime, which keeps the process.
    this.#attachment.detach().catch(() => {});
  }
}

/** Bytes from the peer to the process, written one after the other; credit goes back as the process takes them. */
class InputStream implements SessionStream {
  readonly id: number;
  readonly #host: StreamHost;
  readonly #attachment: Attachment;
  readonly #credit: ReceiveCredit;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(host: StreamHost, attachment: Attachment) {
    this.#host = host;
    this.#attachment = attachment;
    this.id = host.openStream(this, "stream");
    this.#credit = new ReceiveCredit(host.limits.streamWindowBytes, (amount) => {
      if (!this.#closed) host.outbox.send([FrameType.credit, this.id, amount]);
    });
  }

  onData(bytes: Uint8Array): void {
    if (!this.#credit.received(bytes.length)) {
      this.#fail(new GranuleError("RESOURCE_EXHAUSTED", "more data than the stream's credit allows"));
      return;
    }
    this.#then(async () => {
      await this.#attachment.write(bytes);
      this.#credit.consumed(bytes.length);
    });
  }

  onEnd(): void {
    this.#then(async () => {
      await this.#attachment.closeInput();
      if (!this.#closed) this.#host.endStream(this.id);
      this.#closed = true;
    });
  }

  onReset(): void {
    this.#closed = true;
  }

  #then(step: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#closed) return;
      try {
        await step();
      } catch (thrown) {
        this.#fail(GranuleError.from(thrown));
      }
    });
  }

  #fail(error: GranuleError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.resetStream(this.id, error);
  }
}

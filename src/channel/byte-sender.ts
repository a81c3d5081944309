import { GranuleError } from "../errors.js";
import { SendCredit } from "./credit.js";
import { DATA_FRAME_BYTES } from "./limits.js";
import type { SessionStream, StreamHost } from "./session-stream.js";

/** The sending end of a stream of bytes: sends as far as the peer's credit and the connection allow. */
export class ByteSender implements SessionStream {
  readonly id: number;
  #closed = false;
  readonly #credit: SendCredit;
  readonly #host: StreamHost;
  readonly #cancel: () => void;

  /** `cancel` is called once when the reader resets the stream or hangs up. */
  constructor(host: StreamHost, cancel: () => void) {
    this.#host = host;
    this.#cancel = cancel;
    this.#credit = new SendCredit(host.limits.streamWindowBytes);
    this.id = host.openStream(this, "stream");
  }

  /** Resolves once all was handed to the connection; drops the bytes where the reader has left. One call at a time. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length && !this.#closed; ) {
      const size = await this.#take(Math.min(bytes.length - offset, DATA_FRAME_BYTES));
      if (this.#closed) return;
      this.#host.outbox.sendData(this.id, bytes.subarray(offset, offset + size));
      offset += size;
      if (!this.#host.outbox.writable) await this.#host.outbox.drained();
    }
  }

  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.endStream(this.id);
  }

  fail(error: GranuleError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.resetStream(this.id, error);
  }

  onCredit(amount: number): void {
    this.#credit.grant(amount);
  }

  onReset(error: GranuleError): void {
    this.#closed = true;
    this.#credit.fail(error);
    this.#cancel();
  }

  async #take(most: number): Promise<number> {
    try {
      return await this.#credit.take(most);
    } catch (error) {
      // The reader has left, which `send` sees by the closed stream.
      if (this.#closed) return 0;
      throw GranuleError.from(error);
    }
  }
}

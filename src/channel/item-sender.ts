import { GranuleError } from "../errors.js";
import { SendCredit } from "./credit.js";
import { FrameType } from "./frames.js";
import type { SessionStream, StreamHost } from "./session-stream.js";

/**
 * The sending end of a subscription: a bounded queue before the subscriber's credit. `drop-oldest` keeps the newest
 * items, where a hole in `seq` tells of the loss; `fail` ends the subscription, for items that must not be lost.
 */
export class ItemSender implements SessionStream {
  readonly id: number;
  #queue: unknown[] = [];
  #ended = false;
  #waiting = false;
  readonly #credit: SendCredit;
  readonly #host: StreamHost;
  readonly #overflow: "drop-oldest" | "fail";
  readonly #cancel: () => void;

  /** `cancel` is called once when the subscriber leaves, overflows or hangs up. */
  constructor(host: StreamHost, overflow: "drop-oldest" | "fail", cancel: () => void) {
    this.#host = host;
    this.#overflow = overflow;
    this.#cancel = cancel;
    this.#credit = new SendCredit(host.limits.subscriptionWindowItems);
    this.id = host.openStream(this, "subscription");
  }

  offer(item: unknown): void {
    if (this.#ended) return;
    if (this.#queue.length >= this.#host.limits.subscriptionQueueItems) {
      if (this.#overflow === "fail") {
        this.fail(
          new GranuleError("RESOURCE_EXHAUSTED", "the subscriber reads too slowly", {
            retryable: true,
            hint: "subscribe again with `after` the last item that was read",
          }),
        );
        this.#cancel();
        return;
      }
      this.#queue.shift();
    }
    this.#queue.push(item);
    this.#flush();
  }

  /** No more items: the end goes out behind those that wait. */
  end(): void {
    this.#ended = true;
    this.#flush();
  }

  /** Ends at once with an error. */
  fail(error: GranuleError): void {
    this.#ended = true;
    this.#queue = [];
    this.#host.resetStream(this.id, error);
  }

  onCredit(amount: number): void {
    this.#credit.grant(amount);
    this.#flush();
  }

  onReset(): void {
    this.#ended = true;
    this.#queue = [];
    this.#cancel();
  }

  #flush(): void {
    if (this.#waiting) return;
    let sent = 0;
    while (sent < this.#queue.length) {
      if (!this.#host.outbox.writable) {
        this.#waiting = true;
        void this.#host.outbox.drained().then(() => {
          this.#waiting = false;
          this.#flush();
        });
        break;
      }
      if (!this.#credit.tryTakeOne()) break;
      this.#host.outbox.send([FrameType.item, this.id, this.#queue[sent++]]);
    }
    this.#queue.splice(0, sent);
    if (this.#ended && this.#queue.length === 0) this.#host.endStream(this.id);
  }
}

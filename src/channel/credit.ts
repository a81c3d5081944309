import type { GranuleError } from "../errors.js";

/** What the peer allows to be sent: bytes of a stream, or items of a subscription. One taker at a time. */
export class SendCredit {
  #available: number;
  #failure: GranuleError | undefined;
  #waiter: { resolve: () => void; reject: (error: GranuleError) => void } | undefined;

  constructor(initial: number) {
    this.#available = initial;
  }

  get available(): number {
    return this.#available;
  }

  /** More from the peer. */
  grant(amount: number): void {
    this.#available = Math.min(this.#available + amount, Number.MAX_SAFE_INTEGER);
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }

  /** Takes up to `most`, waiting while there is none. Rejects once `fail` was called. */
  async take(most: number): Promise<number> {
    while (this.#available === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.#waiter = { resolve, reject };
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const taken = Math.min(most, this.#available);
    this.#available -= taken;
    return taken;
  }

  /** Takes one without waiting; false where there is none. */
  tryTakeOne(): boolean {
    if (this.#available === 0) return false;
    this.#available--;
    return true;
  }

  /** Nothing more will be sent: whoever waits gets the error. */
  fail(error: GranuleError): void {
    this.#failure ??= error;
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }
}

/** What the peer was allowed to send and has not sent yet; gives credit back in few, larger grants. */
export class ReceiveCredit {
  #outstanding: number;
  #consumed = 0;
  readonly #threshold: number;
  readonly #grant: (amount: number) => void;

  constructor(window: number, grant: (amount: number) => void) {
    this.#outstanding = window;
    this.#threshold = Math.max(1, window >> 2);
    this.#grant = grant;
  }

  /** Counts what came; false where the peer sent more than it was allowed. */
  received(amount: number): boolean {
    this.#outstanding -= amount;
    return this.#outstanding >= 0;
  }

  /** Counts what was used up and may be sent again. */
  consumed(amount: number): void {
    this.#consumed += amount;
    if (this.#consumed < this.#threshold) return;
    const amountBack = this.#consumed;
    this.#consumed = 0;
    this.#outstanding += amountBack;
    this.#grant(amountBack);
  }
}

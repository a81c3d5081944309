import type { WebSocket } from "ws";
import type { Outbox } from "./outbox.js";

// One connection's burst does not keep the others waiting longer than this many messages take.
const MESSAGES_PER_TURN = 32;

/**
 * What comes in on one connection, handled at a bounded pace: so many messages a turn of the event loop, and none while
 * too much that was sent still waits. Beyond that the socket is not read, so that a peer that asks and never reads holds
 * a bounded amount of memory.
 */
export class Intake<T> {
  #waiting: T[] = [];
  #budget = MESSAGES_PER_TURN;
  #turnEnds = false;
  #paused = false;
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  readonly #handle: (message: T) => void;

  constructor(socket: WebSocket, outbox: Outbox, handle: (message: T) => void) {
    this.#socket = socket;
    this.#outbox = outbox;
    this.#handle = handle;
    outbox.onPressure(() => this.#run());
  }

  push(message: T): void {
    this.#waiting.push(message);
    this.#run();
  }

  #run(): void {
    let handled = 0;
    while (handled < this.#waiting.length && this.#budget > 0 && !this.#outbox.congested) {
      this.#budget--;
      this.#handle(this.#waiting[handled++] as T);
    }
    this.#waiting.splice(0, handled);
    if (handled > 0) this.#renewBudget();
    const pause = this.#waiting.length > 0 || this.#outbox.congested;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  #renewBudget(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#budget = MESSAGES_PER_TURN;
      if (this.#waiting.length > 0) this.#run();
    });
  }
}

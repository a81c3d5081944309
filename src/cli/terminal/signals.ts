import { constants } from "node:os";

const forwarded: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT"];
const impatience = 3;

/**
 * Takes the signals sent to this process and hands them to a container, from construction to disposal. Those that come
 * before `deliver` wait for it. Whoever sends SIGINT or SIGTERM three times wants this process gone: it exits, and the
 * container runs on.
 */
export class SignalForwarder implements Disposable {
  readonly #early: NodeJS.Signals[] = [];
  readonly #listener = (signal: NodeJS.Signals): void => this.#take(signal);
  #deliver: ((signal: NodeJS.Signals) => void) | undefined;
  #interrupts = 0;

  constructor() {
    for (const signal of forwarded) process.on(signal, this.#listener);
  }

  deliver(deliver: (signal: NodeJS.Signals) => void): void {
    this.#deliver = deliver;
    for (const signal of this.#early.splice(0)) deliver(signal);
  }

  #take(signal: NodeJS.Signals): void {
    if (signal === "SIGINT" || signal === "SIGTERM") this.#interrupts += 1;
    if (this.#interrupts >= impatience) {
      process.stderr.write("granule: interrupted three times; the container may still run (see `granule ps`)\n");
      process.exit(128 + constants.signals[signal]);
    }
    if (this.#deliver) this.#deliver(signal);
    else this.#early.push(signal);
  }

  [Symbol.dispose](): void {
    for (const signal of forwarded) process.off(signal, this.#listener);
  }
}

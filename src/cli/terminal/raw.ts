/**
 * The terminal of stdin in raw mode, from construction to disposal. It is restored on every way out of the process that
 * the process sees: disposal, exit, an uncaught error.
 */
export class RawTerminal implements Disposable {
  readonly #restore = (): void => {
    process.stdin.setRawMode(false);
  };

  constructor() {
    process.stdin.setRawMode(true);
    process.once("exit", this.#restore);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#restore);
    this.#restore();
  }
}

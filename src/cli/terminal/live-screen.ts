import { constants } from "node:os";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const enterAlternate = "\u001b[?1049h";
const leaveAlternate = "\u001b[?1049l";
const home = "\u001b[H";
const clearToEndOfLine = "\u001b[K";
const clearBelow = "\u001b[J";

/** A full screen that is redrawn in place, on the terminal's second page, so that what was there comes back. */
export class LiveScreen implements Disposable {
  readonly #leave = (): void => {
    process.stdout.write(showCursor + leaveAlternate);
  };
  readonly #interrupt = (signal: NodeJS.Signals): void => {
    process.exit(signal === "SIGINT" ? 0 : 128 + constants.signals[signal]);
  };

  constructor() {
    process.once("exit", this.#leave);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, this.#interrupt);
    process.stdout.write(enterAlternate + hideCursor);
  }

  draw(lines: string[]): void {
    const visible = lines.slice(0, Math.max(1, process.stdout.rows - 1));
    process.stdout.write(home + visible.map((line) => `${line}${clearToEndOfLine}\n`).join("") + clearBelow);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#leave);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, this.#interrupt);
    this.#leave();
  }
}

const redrawMilliseconds = 100;
const heartbeatMilliseconds = 15_000;

/** What goes on, on stderr: one line redrawn on a terminal, else a line now and then. */
export class Progress {
  readonly #title: string;
  readonly #startedAt = performance.now();
  #shownAt = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(title: string) {
    this.#title = title;
    if (!process.stderr.isTTY) process.stderr.write(`bench: ${title}\n`);
  }

  show(text: string): void {
    const now = performance.now();
    const pause = process.stderr.isTTY ? redrawMilliseconds : heartbeatMilliseconds;
    if (now - Math.max(this.#shownAt, process.stderr.isTTY ? 0 : this.#startedAt) < pause) return;
    this.#shownAt = now;
    const line = `bench: ${this.#title}: ${text}, ${((now - this.#startedAt) / 1000).toFixed(0)} s`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    this.#drawn = process.stderr.isTTY;
  }

  clear(): void {
    if (this.#drawn) process.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }
}

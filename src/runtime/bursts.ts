/** A burst is over when nothing was started for so long. */
const QUIET_MS = 20;

/** Acts that may wait for the end of a burst; beyond, the oldest is done at once, so that an endless one leaves no more. */
const MOST_WAITING = 128;

/**
 * Tells bursts of starts, one close behind another, from the time between. What is no part of a start waits until a burst
 * is over, as it would take the processors from it.
 */
export class Bursts {
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  readonly #over: (() => void)[] = [];
  #underWay = 0;
  #lastMs = 0;
  #on = false;
  #timer: NodeJS.Timeout | undefined;

  /** Whether one is going on. */
  get on(): boolean {
    return this.#on;
  }

  /** Whether a start is under way. */
  get busy(): boolean {
    return this.#underWay > 0;
  }

  /** Runs a start. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#underWay++;
    this.#on = true;
    this.#timer ??= setTimeout(() => this.#look(), QUIET_MS).unref();
    try {
      return await start();
    } finally {
      this.#lastMs = performance.now();
      if (--this.#underWay === 0) for (const act of this.#idle) act();
    }
  }

  /** Does something each time that no start is under way any more. */
  whenIdle(act: () => void): void {
    this.#idle.push(act);
  }

  /** Does something each time that a burst is over. */
  whenOver(act: () => void): void {
    this.#over.push(act);
  }

  /** Does something once, at the end of a burst; at once where none goes on. */
  afterwards(act: () => void): void {
    this.#waiting.push(act);
    if (!this.#on || this.#waiting.length > MOST_WAITING) this.#waiting.shift()?.();
  }

  /** Ends the burst, unless a start is under way: nothing more is to come of it. */
  cut(): void {
    if (this.#underWay > 0 || !this.#on) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#on = false;
    for (const act of this.#waiting.splice(0)) act();
    for (const act of this.#over) act();
  }

  #look(): void {
    this.#timer = undefined;
    const leftMs = this.#underWay > 0 ? QUIET_MS : this.#lastMs + QUIET_MS - performance.now();
    if (leftMs > 0) this.#timer = setTimeout(() => this.#look(), leftMs).unref();
    else this.cut();
  }
}

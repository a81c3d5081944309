/** What one piece of work needs, from when it says so until it is over. */
export interface Hold extends Disposable {
  add(...keys: string[]): void;
}

/** Counts who needs what, so that nothing is removed while somebody does. */
export class Pins {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  /** A new hold, empty; disposing of it twice does no harm. */
  hold(): Hold {
    const held: string[] = [];
    return {
      add: (...keys) => {
        held.push(...keys);
        for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      },
      [Symbol.dispose]: () => {
        for (const key of held.splice(0)) this.#drop(key);
      },
    };
  }

  #drop(key: string): void {
    const left = (this.#counts.get(key) ?? 1) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

/** What is kept of each second: a rate or a level. */
export const recentFields = ["vcpus", "memoryBytes", "rxBytes", "txBytes", "readBytes", "writeBytes"] as const;

const width = recentFields.length;
const pageSeconds = 60;

/** Seconds that are kept. */
export const recentSeconds = 900;
const pages = recentSeconds / pageSeconds + 1;

/**
 * The last 15 minutes of one container, second by second: 1.4 KB a minute. A second without a tick is not there, and
 * is not made up. A page of a minute is made when it is first written, so that a short life costs little.
 */
export class RecentSamples {
  readonly #pages = new Map<number, Float32Array>();

  put(
    second: number,
    vcpus: number,
    memoryBytes: number,
    rxBytes: number,
    txBytes: number,
    readBytes: number,
    writeBytes: number,
  ): void {
    const number = Math.floor(second / pageSeconds);
    let page = this.#pages.get(number);
    if (!page) {
      page = this.#nextPage(number);
      page.fill(Number.NaN);
      this.#pages.set(number, page);
    }
    const at = (second % pageSeconds) * width;
    page[at] = vcpus;
    page[at + 1] = memoryBytes;
    page[at + 2] = rxBytes;
    page[at + 3] = txBytes;
    page[at + 4] = readBytes;
    page[at + 5] = writeBytes;
  }

  /** A page that is too old is taken for the new one. */
  #nextPage(number: number): Float32Array {
    for (const [old, page] of this.#pages) {
      if (old > number - pages && old <= number) continue;
      this.#pages.delete(old);
      return page;
    }
    return new Float32Array(pageSeconds * width);
  }

  /** The fields of a second, NaN where nobody measured it. */
  at(second: number, field: number): number {
    const page = this.#pages.get(Math.floor(second / pageSeconds));
    return page?.[(second % pageSeconds) * width + field] ?? Number.NaN;
  }
}

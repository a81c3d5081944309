/** What is kept of each second: a rate or a level. */
export const recentFields = ["vcpus", "memoryBytes", "rxBytes", "txBytes", "readBytes", "writeBytes"] as const;

/** Levels are kept as float32, traffic in 16 bits. */
const levels = 2;
const traffic = recentFields.length - levels;
const pageSeconds = 300;

/** Seconds that are kept. */
export const recentSeconds = 900;
const pages = recentSeconds / pageSeconds + 1;

interface Page {
  levels: Float32Array;
  traffic: Uint16Array;
}

const unknown = 0xffff;

/** Bytes to 1 in 2000, in 16 bits: a mantissa of 11 bits and an exponent of 5. */
function packBytes(bytes: number): number {
  if (Number.isNaN(bytes)) return unknown;
  let exponent = 0;
  let mantissa = Math.round(bytes);
  for (; mantissa > 2047 && exponent < 31; exponent++) mantissa = Math.round(bytes / 2 ** (exponent + 1));
  return Math.min(exponent * 2048 + Math.min(mantissa, 2047), unknown - 1);
}

const unpackBytes = (packed: number): number =>
  packed === unknown ? Number.NaN : (packed % 2048) * 2 ** Math.floor(packed / 2048);

/**
 * The last 15 minutes of one container, second by second: 960 bytes a minute, in pages of five minutes. A second
 * without a tick is not there, and is not made up. A page is made when it is first written.
 */
export class RecentSamples {
  readonly #pages = new Map<number, Page>();

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
      page.levels.fill(Number.NaN);
      page.traffic.fill(unknown);
      this.#pages.set(number, page);
    }
    const slot = second % pageSeconds;
    page.levels[slot * levels] = vcpus;
    page.levels[slot * levels + 1] = memoryBytes;
    page.traffic[slot * traffic] = packBytes(rxBytes);
    page.traffic[slot * traffic + 1] = packBytes(txBytes);
    page.traffic[slot * traffic + 2] = packBytes(readBytes);
    page.traffic[slot * traffic + 3] = packBytes(writeBytes);
  }

  /** A page that is too old is taken for the new one. */
  #nextPage(number: number): Page {
    for (const [old, page] of this.#pages) {
      if (old > number - pages && old <= number) continue;
      this.#pages.delete(old);
      return page;
    }
    // Both in one buffer: each buffer has a cost of its own.
    const bytes = new ArrayBuffer(pageSeconds * (levels * 4 + traffic * 2));
    return {
      levels: new Float32Array(bytes, 0, pageSeconds * levels),
      traffic: new Uint16Array(bytes, pageSeconds * levels * 4),
    };
  }

  /** The fields of a second, NaN where nobody measured it. */
  at(second: number, field: number): number {
    const page = this.#pages.get(Math.floor(second / pageSeconds));
    if (!page) return Number.NaN;
    const slot = second % pageSeconds;
    if (field < levels) return page.levels[slot * levels + field] ?? Number.NaN;
    return unpackBytes(page.traffic[slot * traffic + field - levels] ?? unknown);
  }
}

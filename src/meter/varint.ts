/** Whole numbers in few bytes: LEB128, 7 bits a byte, the low ones first (DWARF 5, section 7.6). */

/** A number of 53 bits takes 8 bytes at most, its zigzag form one bit more. */
export const mostVarintBytes = 8;

/** Small numbers of either sign as small ones without one: 0, -1, 1, -2 and on as 0, 1, 2, 3. */
export const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2);

export const unzigzag = (coded: number): number => (coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2);

/** Writes a number of 0 or more; gives where the next one goes. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let left = value;
  let next = at;
  // Beyond 32 bits, which shifts would cut off: by arithmetic.
  for (; left > 127; left = Math.floor(left / 128)) bytes[next++] = (left % 128) + 128;
  bytes[next++] = left;
  return next;
}

/** Reads numbers one after the other; 0 where the bytes are over. */
export class VarintReader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = this.#bytes[this.at++] ?? 0;
      value += (byte % 128) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }
}

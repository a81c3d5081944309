import { GranuleError } from "../errors.js";

/** What a message may hold. */
export interface ScanLimits {
  maxDepth: number;
  maxValues: number;
}

const NO_TAGS: ReadonlySet<number> = new Set();

/**
 * Walks over CBOR (RFC 8949) without building anything, so that a decoder only ever sees one well-formed value: lengths
 * stay inside the message, nesting and count of values have bounds, map keys are text, tags are on the list (empty
 * unless told). Items of indefinite length are refused; a sender does without them.
 * @throws INVALID_ARGUMENT with the offset of the fault.
 */
export function scanCbor(bytes: Uint8Array, limits: ScanLimits, tags: ReadonlySet<number> = NO_TAGS): void {
  const scanner = new Scanner(bytes, limits, tags);
  scanner.value(0);
  if (scanner.offset !== bytes.length) scanner.fail("bytes after the end of the value");
}

class Scanner {
  offset = 0;
  #values = 0;
  /** Argument of the head last read. */
  #argument = 0;
  readonly #bytes: Uint8Array;
  readonly #limits: ScanLimits;
  readonly #tags: ReadonlySet<number>;

  constructor(bytes: Uint8Array, limits: ScanLimits, tags: ReadonlySet<number>) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#tags = tags;
  }

  value(depth: number): void {
    if (depth > this.#limits.maxDepth) this.fail(`nesting deeper than ${this.#limits.maxDepth}`);
    if (++this.#values > this.#limits.maxValues) this.fail(`more than ${this.#limits.maxValues} values`);
    const major = this.#head();
    const argument = this.#argument;
    switch (major) {
      case 0:
      case 1:
        return;
      case 2:
      case 3:
        this.#skip(argument);
        return;
      case 4:
        this.#expect(argument);
        for (let i = 0; i < argument; i++) this.value(depth + 1);
        return;
      case 5:
        this.#expect(argument * 2);
        for (let i = 0; i < argument; i++) {
          this.#key();
          this.value(depth + 1);
        }
        return;
      case 6:
        if (!this.#tags.has(argument)) this.fail(`tag ${argument} is not accepted`);
        this.value(depth + 1);
        return;
      default:
        return;
    }
  }

  fail(why: string): never {
    throw new GranuleError("INVALID_ARGUMENT", `malformed CBOR at byte ${this.offset}: ${why}`);
  }

  #key(): void {
    if (++this.#values > this.#limits.maxValues) this.fail(`more than ${this.#limits.maxValues} values`);
    if (this.#head() !== 3) this.fail("a map key that is not text");
    this.#skip(this.#argument);
  }

  /** Reads an initial byte and its argument; leaves the argument behind and gives the major type. */
  #head(): number {
    const bytes = this.#bytes;
    if (this.offset >= bytes.length) this.fail("the message ends inside a value");
    const initial = bytes[this.offset++] as number;
    const major = initial >> 5;
    const info = initial & 31;
    if (info < 24) {
      // Simple values: false, true, null and undefined are all that the protocol has.
      if (major === 7 && info < 20) this.fail("a simple value that is not accepted");
      this.#argument = info;
      return major;
    }
    if (info > 27) this.fail("a reserved or indefinite length");
    if (major === 7 && info === 24) this.fail("a simple value that is not accepted");
    let size = 1 << (info - 24);
    if (size > bytes.length - this.offset) this.fail("the message ends inside a value");
    let argument = 0;
    while (size-- > 0) argument = argument * 256 + (bytes[this.offset++] as number);
    this.#argument = argument;
    return major;
  }

  #skip(length: number): void {
    this.#expect(length);
    this.offset += length;
  }

  /** Every value takes a byte at least, so that a length beyond the message is known before it is walked. */
  #expect(length: number): void {
    if (length > this.#bytes.length - this.offset) this.fail("a length beyond the end of the message");
  }
}

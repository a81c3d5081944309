import { GranuleError } from "../errors.js";
import { type OpNumber, PLAN_MAGIC } from "./plan-ops.js";

const HEADER_BYTES = 16;
const OP_HEADER_BYTES = 8;
const INITIAL_BYTES = 64 * 1024;

/** Far above any plan that passed validation; the native reader has a cap of its own. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Kept between plans, as encoding is on the start path and never overlaps with itself. */
let scratch = Buffer.allocUnsafeSlow(INITIAL_BYTES);

/**
 * Encodes a launch plan in the format of native/launch/plan.h. One writer at a time: all of them share one buffer,
 * and `finish` copies the plan out of it.
 */
export class PlanWriter {
  #at = HEADER_BYTES;
  #count = 0;

  /** Appends an operation with its numbers and strings. Negative numbers go out as two's complement. */
  op(kind: OpNumber, numbers: readonly (number | bigint)[] = [], strings: readonly string[] = []): void {
    let most = OP_HEADER_BYTES + 8 + numbers.length * 8 + 8;
    for (const text of strings) {
      // It would end the string and begin another: options are checked for it, and images, but nothing else may fail to.
      if (text.includes("\0")) throw nullByte(text);
      most += text.length * 3 + 1;
    }
    this.#reserve(most);
    const start = this.#begin(kind, numbers);
    let at = this.#at;
    for (const text of strings) {
      at += scratch.write(text, at, "utf8");
      scratch[at++] = 0;
    }
    this.#at = at;
    this.#end(start);
  }

  /** Appends an operation that carries raw bytes. */
  bytes(kind: OpNumber, data: Uint8Array): void {
    this.#reserve(OP_HEADER_BYTES + 8 + data.length + 8);
    const start = this.#begin(kind, []);
    scratch.set(data, this.#at);
    this.#at += data.length;
    this.#end(start);
  }

  /** The whole plan, in a buffer of its own. */
  finish(): Buffer {
    scratch.write(PLAN_MAGIC, 0, "latin1");
    scratch.writeUInt32LE(this.#at, 8);
    scratch.writeUInt32LE(this.#count, 12);
    const plan = Buffer.allocUnsafeSlow(this.#at);
    scratch.copy(plan, 0, 0, this.#at);
    return plan;
  }

  #begin(kind: OpNumber, numbers: readonly (number | bigint)[]): number {
    const start = this.#at;
    scratch.writeUInt32LE(kind, start);
    this.#at = start + OP_HEADER_BYTES;
    this.#number(numbers.length);
    for (const value of numbers) this.#number(value);
    this.#count++;
    return start;
  }

  #end(start: number): void {
    while (this.#at % 8 !== 0) scratch[this.#at++] = 0;
    scratch.writeUInt32LE(this.#at - start - OP_HEADER_BYTES, start + 4);
  }

  #number(value: number | bigint): void {
    if (typeof value === "bigint") {
      scratch.writeBigUInt64LE(BigInt.asUintN(64, value), this.#at);
    } else {
      scratch.writeUInt32LE(value >>> 0, this.#at);
      scratch.writeUInt32LE(Math.floor(value / 0x1_0000_0000) >>> 0, this.#at + 4);
    }
    this.#at += 8;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= scratch.length) return;
    if (needed > MAX_BYTES) {
      throw new GranuleError("RESOURCE_EXHAUSTED", `the launch plan would exceed ${MAX_BYTES} bytes`, {
        hint: "shorten the command, the environment or the list of mounts",
      });
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(MAX_BYTES, Math.max(needed, scratch.length * 2)));
    scratch.copy(larger, 0, 0, this.#at);
    scratch = larger;
  }
}

function nullByte(text: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `a null byte in ${JSON.stringify(text).slice(0, 80)}`, {
    hint: "remove it: no path, argument or variable can hold one",
  });
}

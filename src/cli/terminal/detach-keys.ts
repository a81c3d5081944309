const ctrlP = 0x10;
const ctrlQ = 0x11;

/**
 * Finds Ctrl-P Ctrl-Q in what is typed, also where the two arrive apart. A Ctrl-P is held back until the next key tells
 * what it was.
 */
export class DetachKeys {
  #held = false;

  /** What of the input goes on to the process, and whether the user asked to detach (nothing after it goes on). */
  feed(input: Uint8Array): { pass: Uint8Array; detach: boolean } {
    const pass: number[] = [];
    for (const byte of input) {
      if (this.#held && byte === ctrlQ) return { pass: Uint8Array.from(pass), detach: true };
      if (this.#held) pass.push(ctrlP);
      this.#held = byte === ctrlP;
      if (!this.#held) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detach: false };
  }
}

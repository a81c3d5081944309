import { type NativeGrowth, native } from "../native.js";

/**
 * A blob that is read while it is fetched: as far as it is without a hole, and to its end only once it is proven to be
 * what its digest says. Whoever has read it to the end has read the blob.
 */
export class GrowingBlob {
  readonly size: number;
  readonly native: NativeGrowth = native().createGrowth();
  #path: string;
  #readable = 0;
  #state: "growing" | "whole" | "lost" = "growing";
  #waiting: (() => void)[] = [];

  /** @param path of the file that is being filled */
  constructor(path: string, size: number) {
    this.#path = path;
    this.size = size;
  }

  /** Where the file is now. */
  get path(): string {
    return this.#path;
  }

  /** Whether what was readable before counts no more. */
  get lost(): boolean {
    return this.#state === "lost";
  }

  get whole(): boolean {
    return this.#state === "whole";
  }

  /** So many bytes from the first on are there; fewer than before means that the file was begun anew. */
  advance(readable: number): void {
    if (readable < this.#readable) this.lose();
    if (readable <= this.#readable) return;
    this.#readable = readable;
    this.native.advance(readable);
    this.#tell();
  }

  /** The blob is proven, and has its name. */
  end(path: string): void {
    if (this.lost) return;
    this.#state = "whole";
    this.#path = path;
    this.native.advance(this.size);
    this.native.end();
    this.#tell();
  }

  /** Its readers are to give up: it is begun anew, or not fetched any more. */
  lose(): void {
    if (this.#state !== "growing") return;
    this.#state = "lost";
    this.native.lose();
    this.#tell();
  }

  /** Waits until the first bytes are there, or none will come; of a blob that is smaller, all of it. */
  async begun(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.#state === "growing" && this.#readable < Math.min(bytes, this.size) && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

import type { Readable } from "node:stream";
import { GranuleError } from "../../errors.js";
import type { RegistrySettings } from "./settings.js";

/** Cuts a body that brings next to nothing for a while: a fresh connection often does better, and it would never end. */
export class SlowGuard implements Disposable {
  readonly #settings: RegistrySettings;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  tripped = false;

  constructor(settings: RegistrySettings, body: Readable) {
    this.#settings = settings;
    this.#timer = setInterval(() => {
      const enough = this.#bytes >= settings.slowWindowBytes;
      this.#bytes = 0;
      if (enough) return;
      this.tripped = true;
      body.destroy(new Error("the body came too slowly"));
    }, settings.slowWindowMs);
  }

  received(bytes: number): void {
    this.#bytes += bytes;
  }

  failure(host: string): GranuleError {
    const { slowWindowBytes, slowWindowMs } = this.#settings;
    return new GranuleError(
      "UNAVAILABLE",
      `${host} sends less than ${slowWindowBytes} bytes in ${slowWindowMs / 1000} seconds`,
      { retryable: true, hint: "try again later: the pull goes on from where it is" },
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

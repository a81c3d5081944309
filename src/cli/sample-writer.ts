import { closeSync, openSync, writeSync } from "node:fs";
import type { Container } from "../api.js";
import { GranuleError } from "../errors.js";
import { writeOut } from "./output.js";

/** Writes a container's samples as JSON lines to a file, or to stdout for `-`, until it is disposed of. */
export class SampleWriter implements AsyncDisposable {
  /** Undefined for stdout, whose writes may have to wait for a reader. */
  readonly #descriptor: number | undefined;
  readonly #abort = new AbortController();
  #done: Promise<void> = Promise.resolve();

  /** Opens the file at once: what cannot be written fails before a container is made. */
  constructor(path: string) {
    this.#descriptor = path === "-" ? undefined : open(path);
  }

  follow(container: Container): void {
    this.#done = this.#write(container);
  }

  async #write(container: Container): Promise<void> {
    for await (const sample of container.samples({ signal: this.#abort.signal })) {
      const line = `${JSON.stringify(sample)}\n`;
      if (this.#descriptor === undefined) await writeOut(process.stdout, line);
      else writeSync(this.#descriptor, line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    try {
      await this.#done;
    } catch (thrown) {
      const error = GranuleError.from(thrown);
      if (error.code !== "CANCELLED" && error.code !== "NOT_FOUND") {
        process.stderr.write(`granule: the samples are not complete: ${error.message}\n`);
      }
    } finally {
      if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    }
  }
}

function open(path: string): number {
  try {
    return openSync(path, "w", 0o644);
  } catch (thrown) {
    const cause = GranuleError.from(thrown);
    throw new GranuleError(
      "INVALID_ARGUMENT",
      `the samples cannot be written to '${path}' (${cause.errno ?? cause.message})`,
      {
        path,
        cause: thrown,
      },
    );
  }
}

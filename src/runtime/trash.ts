import { readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Folders on their way out. Taking one away is a rename; emptying it, which costs milliseconds a container, goes on
 * in the background, one folder at a time.
 */
export class Trash {
  readonly #folder: string;
  #emptied: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Goes on with what an earlier process left. */
  resume(): void {
    for (const name of readdirSync(this.#folder)) this.#empty(join(this.#folder, name));
  }

  put(path: string, id: string): void {
    const target = join(this.#folder, `${id}.${process.pid}.${this.#count++}`);
    try {
      renameSync(path, target);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return;
      throw thrown;
    }
    this.#empty(target);
  }

  /** Settles when everything put in so far is gone, or was left for the next open. */
  drain(): Promise<void> {
    return this.#emptied;
  }

  #empty(path: string): void {
    this.#emptied = this.#emptied
      .then(() => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 }))
      // What cannot be deleted now is still in the trash, and tried again at the next open.
      .catch(() => undefined);
  }
}

import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { native } from "../native.js";
import type { Bursts } from "./bursts.js";

/**
 * Folders on their way out. Taking one away is a rename; emptying it, which costs milliseconds a container, goes on in the
 * background, behind a burst of starts and one folder at a time. What cannot be deleted stays in the trash, and is tried
 * again at the next open.
 */
export class Trash {
  readonly #folder: string;
  readonly #bursts: Bursts;
  #count = 0;

  constructor(folder: string, bursts: Bursts) {
    this.#folder = folder;
    this.#bursts = bursts;
  }

  /** Goes on with what an earlier process left. */
  resume(): void {
    for (const name of readdirSync(this.#folder)) native().tidy(join(this.#folder, name));
  }

  put(path: string, id: string): void {
    const target = `${this.#folder}/${id}.${process.pid}.${this.#count++}`;
    try {
      renameSync(path, target);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return;
      throw thrown;
    }
    this.#bursts.afterwards(() => native().tidy(target));
  }

  /** Settles when everything put in so far is gone, or was left for the next open. */
  drain(): Promise<void> {
    return native().tidied();
  }
}

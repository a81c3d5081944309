import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { native } from "../native.js";
import type { Behind } from "../state/behind.js";
import type { Bursts } from "./bursts.js";

/**
 * Folders on their way out. Taking one away is a rename; emptying it, which costs milliseconds a container, goes on in the
 * background, once all is written that can be read from it, behind a burst of starts and one folder at a time. What cannot
 * be deleted stays in the trash, and is tried again at the next open.
 */
export class Trash {
  readonly #folder: string;
  readonly #bursts: Bursts;
  readonly #behind: Behind;
  #waiting: string[] = [];
  #count = 0;

  constructor(folder: string, bursts: Bursts, behind: Behind) {
    this.#folder = folder;
    this.#bursts = bursts;
    this.#behind = behind;
  }

  /** Where the folder of an id is now, which an earlier process has put here. */
  find(id: string): string | undefined {
    const name = readdirSync(this.#folder).find((each) => each.startsWith(`${id}.`));
    return name === undefined ? undefined : join(this.#folder, name);
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
    this.#waiting.push(target);
    this.#behind.soon();
  }

  /** What was put in up to now may be deleted. */
  flush(): void {
    for (const path of this.#waiting) this.#bursts.afterwards(() => native().tidy(path));
    this.#waiting = [];
  }

  /** Settles when everything that was flushed is gone, or was left for the next open. */
  drain(): Promise<void> {
    return native().tidied();
  }
}

import { GranuleError } from "../../errors.js";

/** Something wrong with the configuration. */
export interface Fault {
  /** Where it stands: `/etc/granule/granule.yaml:4:9`, `--log-level` or `GRANULE_LOG_LEVEL`. */
  place: string;
  message: string;
  hint?: string;
}

/** Every fault that was found, so that they can be mended in one go. */
export class Faults {
  readonly list: Fault[] = [];

  add(place: string, message: string, hint?: string): void {
    this.list.push(hint === undefined ? { place, message } : { place, message, hint });
  }

  /** Runs a check whose error becomes a fault; undefined where there was one. */
  catch<T>(place: string, check: () => T): T | undefined {
    try {
      return check();
    } catch (thrown) {
      const { message, hint, path } = GranuleError.from(thrown);
      this.add(place, path === undefined || message.includes(path) ? message : `${path}: ${message}`, hint);
      return undefined;
    }
  }

  /** @throws INVALID_ARGUMENT with the first fault, where there is any */
  throwIfAny(): void {
    const [first, ...others] = this.list;
    if (first === undefined) return;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    throw new GranuleError("INVALID_ARGUMENT", `${first.place}: ${first.message}${more}`, {
      hint: others.length === 0 && first.hint !== undefined ? first.hint : "`granule serve --check` lists every fault",
    });
  }
}

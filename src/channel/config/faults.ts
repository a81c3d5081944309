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

  /** In the order of the file, those of flags and environment before. */
  sorted(): Fault[] {
    const position = ({ place }: Fault): number => {
      const [, line, column] = /:(\d+):(\d+)$/.exec(place) ?? [];
      return line === undefined ? 0 : Number(line) * 10_000 + Number(column);
    };
    return this.list.toSorted((a, b) => position(a) - position(b));
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
}

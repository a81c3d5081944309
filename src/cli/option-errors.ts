import type { Command } from "commander";
import { GranuleError } from "../errors.js";

/** Makes the error of an option's value say which option it was. */
export function nameOptionsInErrors(command: Command): void {
  for (const option of command.options) {
    const parse = option.parseArg;
    if (!parse) continue;
    option.parseArg = <T>(value: string, before: T): T => {
      try {
        return parse(value, before);
      } catch (thrown) {
        if (!(thrown instanceof GranuleError)) throw thrown;
        const hint = thrown.hint === undefined ? {} : { hint: thrown.hint };
        throw new GranuleError(thrown.code, `${option.long ?? option.short ?? ""}: ${thrown.message}`, hint);
      }
    };
  }
}

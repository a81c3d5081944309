import { GranuleError } from "../errors.js";

/** Reads one option: returns it as its type, or throws an error that names it. */
export type Check<T> = (option: string, value: unknown) => T;

/** The error of an option that cannot be taken; `hint` says how to mend it. */
export function invalid(option: string, problem: string, hint: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `${option}: ${problem}`, { hint });
}

/** A string of at most `maxBytes` UTF-8 bytes and without null bytes, which no path, argument or name can hold. */
export function text(maxBytes: number, pattern?: RegExp, hint = "see the documentation of this option"): Check<string> {
  return (option, value) => {
    if (typeof value !== "string") throw invalid(option, `must be a string, not ${describe(value)}`, "quote the value");
    if (value.includes("\0")) throw invalid(option, "holds a null byte", "remove it: no path or argument can hold one");
    const bytes = Buffer.byteLength(value);
    if (bytes > maxBytes) throw invalid(option, `is ${bytes} bytes long`, `use at most ${maxBytes} bytes`);
    if (pattern !== undefined && !pattern.test(value)) throw invalid(option, `${show(value)} is not valid`, hint);
    return value;
  };
}

/** A whole number within bounds. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Check<number> {
  return (option, value) => {
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
    throw invalid(option, `must be a whole number, not ${describe(value)}`, `give a number from ${least} to ${most}`);
  };
}

/** Any number but NaN and the infinities. */
export const finite: Check<number> = (option, value) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(option, `must be a number, not ${describe(value)}`, "give a plain number");
};

export const flag: Check<boolean> = (option, value) => {
  if (typeof value === "boolean") return value;
  throw invalid(option, `must be true or false, not ${describe(value)}`, "give true or false");
};

/** One of a few strings. */
export function oneOf<T extends string>(...choices: readonly T[]): Check<T> {
  return (option, value) => {
    if (choices.includes(value as T)) return value as T;
    throw invalid(option, `cannot be ${describe(value)}`, `choose one of: ${choices.join(", ")}`);
  };
}

/** A list with caps on its length and on the bytes of all its strings together. */
export function list<T>(check: Check<T>, maxLength: number, maxBytes = Number.POSITIVE_INFINITY): Check<T[]> {
  return (option, value) => {
    if (!Array.isArray(value)) throw invalid(option, `must be a list, not ${describe(value)}`, "give a list");
    if (value.length > maxLength) throw invalid(option, `has ${value.length} entries`, `use at most ${maxLength}`);
    let bytes = 0;
    return Array.from(value as unknown[], (entry, index) => {
      const checked = check(`${option}[${index}]`, entry);
      if (typeof checked === "string") bytes += Buffer.byteLength(checked) + 1;
      if (bytes > maxBytes) throw invalid(option, `exceeds ${maxBytes} bytes in all`, "shorten it");
      return checked;
    });
  };
}

/** An object of unknown content, as it comes over a network. */
export function entries(option: string, value: unknown, maxEntries: number): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(option, `must be an object, not ${describe(value)}`, "give an object of names and values");
  }
  const found = Object.entries(value);
  if (found.length > maxEntries) throw invalid(option, `has ${found.length} entries`, `use at most ${maxEntries}`);
  return found;
}

/** The checks of an object's fields, by name. */
export type Fields<T> = { readonly [Name in keyof T]-?: Check<NonNullable<T[Name]>> };

/**
 * An object of known fields: an unknown name is an error, a field that is undefined is left out. The result is a
 * new object, so that nothing unchecked comes along.
 */
export function object<T extends object>(fields: Fields<T>, required: readonly (keyof T & string)[] = []): Check<T> {
  const most = Object.keys(fields).length;
  return (option, value) => {
    const checked: Record<string, unknown> = {};
    const prefix = option === "" ? "" : `${option}.`;
    for (const [name, entry] of entries(option === "" ? "options" : option, value, most)) {
      if (!Object.hasOwn(fields, name)) {
        throw invalid(
          `${prefix}${show(name)}`,
          "there is no such option",
          `known are: ${Object.keys(fields).join(", ")}`,
        );
      }
      if (entry !== undefined) checked[name] = fields[name as keyof T](`${prefix}${name}`, entry);
    }
    for (const name of required) {
      if (checked[name] === undefined) throw invalid(`${prefix}${name}`, "is missing", `give ${prefix}${name}`);
    }
    return checked as T;
  };
}

/** A value as an error can show it: short, and on one line. */
export function show(value: string): string {
  const quoted = JSON.stringify(value);
  return quoted.length <= 80 ? quoted : `${quoted.slice(0, 76)}..."`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return show(value);
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}

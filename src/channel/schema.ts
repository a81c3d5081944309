import { GranuleError } from "../errors.js";

/** A check of a value that came from outside; gives back a clean copy, without the fields it does not know. */
export interface Schema<T> {
  /** @throws INVALID_ARGUMENT with the path of the bad field. */
  parse(value: unknown, path: string): T;
}

/** A field that may be absent. */
export interface OptionalSchema<T> extends Schema<T> {
  readonly optional: true;
}

/** What a schema lets through. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** One schema for every field of T: a field that is added to T and forgotten here does not compile. */
export type Shape<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalSchema<Exclude<T[K], undefined>> : Schema<T[K]>;
};

function invalid(path: string, expected: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `${path}: expected ${expected}`, { details: { field: path } });
}

/** Text of at most `maxLength` UTF-16 units. */
export function string(maxLength = 65_536): Schema<string> {
  return {
    parse(value, path) {
      if (typeof value !== "string") throw invalid(path, "text");
      if (value.length > maxLength) throw invalid(path, `at most ${maxLength} characters`);
      return value;
    },
  };
}

export function boolean(): Schema<boolean> {
  return {
    parse(value, path) {
      if (typeof value !== "boolean") throw invalid(path, "true or false");
      return value;
    },
  };
}

/** A finite number. */
export function number(): Schema<number> {
  return {
    parse(value, path) {
      if (typeof value !== "number" || !Number.isFinite(value)) throw invalid(path, "a finite number");
      return value;
    },
  };
}

/** A whole number that a double holds exactly, from `min` on. */
export function integer(min = 0): Schema<number> {
  return {
    parse(value, path) {
      if (!Number.isSafeInteger(value)) throw invalid(path, "a whole number");
      if ((value as number) < min) throw invalid(path, `a whole number from ${min} on`);
      return value as number;
    },
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: T[]): Schema<T> {
  return {
    parse(value, path) {
      if (!words.includes(value as T)) throw invalid(path, `one of ${words.join(", ")}`);
      return value as T;
    },
  };
}

export function array<T>(item: Schema<T>, maxItems = 65_536): Schema<T[]> {
  return {
    parse(value, path) {
      if (!Array.isArray(value)) throw invalid(path, "a list");
      if (value.length > maxItems) throw invalid(path, `at most ${maxItems} entries`);
      return value.map((entry: unknown, index) => item.parse(entry, `${path}[${index}]`));
    },
  };
}

/** A map from any text to values of one kind. */
export function record<T>(item: Schema<T>): Schema<Record<string, T>> {
  return {
    parse(value, path) {
      const result: Record<string, T> = {};
      for (const [key, entry] of Object.entries(fields(value, path))) {
        if (key === "__proto__") throw invalid(path, "a key other than __proto__");
        result[key] = item.parse(entry, `${path}.${key}`);
      }
      return result;
    },
  };
}

/** A map of known fields; others are dropped. */
export function object<T extends object>(shape: Shape<T>): Schema<T> {
  const entries = Object.entries<Schema<unknown> | OptionalSchema<unknown>>(shape);
  return {
    parse(value, path) {
      const source = fields(value, path);
      const result: Record<string, unknown> = {};
      for (const [key, schema] of entries) {
        const entry = Object.hasOwn(source, key) ? source[key] : undefined;
        if (entry !== undefined) result[key] = schema.parse(entry, path === "" ? key : `${path}.${key}`);
        else if (!("optional" in schema)) throw invalid(path === "" ? key : `${path}.${key}`, "a value");
      }
      return result as T;
    },
  };
}

/** The first schema that fits; the last one's complaint where none does. */
export function either<A, B>(first: Schema<A>, second: Schema<B>): Schema<A | B> {
  return {
    parse(value, path) {
      try {
        return first.parse(value, path);
      } catch {
        return second.parse(value, path);
      }
    },
  };
}

export function optional<T>(schema: Schema<T>): OptionalSchema<T> {
  return { optional: true, parse: (value, path) => schema.parse(value, path) };
}

function fields(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw invalid(path === "" ? "params" : path, "a map");
  }
  return value as Record<string, unknown>;
}

import { COMMON_ERRORS, METHODS, type Method } from "../methods.js";

/** A JSON Schema, as plain JSON. */
export type Json = { [key: string]: unknown };

/** Schemas by name: each that the table names, and each method's params, result and items. */
export class Definitions {
  readonly all: Json = {};
  readonly #prefix: string;

  /** @param prefix where the definitions stand in the document, such as `#/$defs/` */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A plain copy of a schema, with every named part moved to the definitions and referred to. */
  plain(schema: unknown): Json {
    return this.#copy(JSON.parse(JSON.stringify(schema))) as Json;
  }

  /** Puts a schema under a name and gives the reference to it. */
  define(name: string, schema: unknown): Json {
    this.all[name] ??= this.plain(schema);
    return this.reference(name);
  }

  reference(name: string): Json {
    return { $ref: `${this.#prefix}${name}` };
  }

  #copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#copy(entry));
    if (typeof value !== "object" || value === null) return value;
    const { title, description, ...rest } = value as Json;
    const copy = Object.fromEntries(Object.entries(rest).map(([key, entry]) => [key, this.#copy(entry)]));
    if (typeof title !== "string" || !("type" in rest || "anyOf" in rest)) {
      return { ...(title !== undefined && { title }), ...(description !== undefined && { description }), ...copy };
    }
    this.all[title] ??= copy;
    return { ...this.reference(title), ...(description !== undefined && { description }) };
  }
}

/** Every method by name. */
export const methods = Object.entries(METHODS) as [name: string, method: Method<unknown, unknown, unknown>][];

/** Every error that a method may end with. */
export function errorsOf(method: { errors: readonly string[] }): string[] {
  return [...new Set([...method.errors, ...COMMON_ERRORS])];
}

import { FormatRegistry, Kind, type TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from "@sinclair/typebox/compiler";
import { GranuleError } from "../errors.js";
import type { Schema } from "./schema.js";

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
FormatRegistry.Set("date-time", (text) => DATE_TIME.test(text));

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>();

/**
 * Checks a value that came from outside, and gives back a copy without the fields that the schema does not know.
 * Validators are compiled at their first use.
 * @throws INVALID_ARGUMENT with the path of the bad field in the message and in `details.field`.
 */
export function parse<T>(schema: Schema<T>, value: unknown): T {
  let check = compiled.get(schema);
  if (check === undefined) {
    check = TypeCompiler.Compile<TSchema>(schema);
    compiled.set(schema, check);
  }
  if (value instanceof Uint8Array) throw invalid("params", "a map");
  if (!check.Check(value)) {
    const fault = firstFault(check.Errors(value));
    throw fault ?? invalid("params", "a map");
  }
  return known(schema, value, "") as T;
}

/** The value without unknown and undefined fields. */
function known(schema: TSchema, value: unknown, path: string): unknown {
  switch (schema[Kind]) {
    case "Object":
      return knownFields(schema["properties"] as Record<string, TSchema>, value as Record<string, unknown>, path);
    case "Array":
      return (value as unknown[]).map((entry, index) => known(schema["items"] as TSchema, entry, `${path}[${index}]`));
    case "Record": {
      const [item] = Object.values(schema["patternProperties"] as Record<string, TSchema>);
      const copy: Record<string, unknown> = {};
      for (const [key, entry] of Object.entries(value as object)) {
        if (key === "__proto__") throw invalid(path, "a key other than __proto__");
        copy[key] = known(item as TSchema, entry, `${path}.${key}`);
      }
      return copy;
    }
    case "Union": {
      // Fields of any variant are kept: which of them fits was checked before.
      const variants = schema["anyOf"] as TSchema[];
      if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
      const properties = Object.assign({}, ...variants.map((variant) => variant["properties"] ?? {}));
      return knownFields(properties as Record<string, TSchema>, value as Record<string, unknown>, path);
    }
    default:
      return value;
  }
}

function knownFields(
  properties: Record<string, TSchema>,
  value: Record<string, unknown>,
  path: string,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key in properties) {
    const entry = Object.hasOwn(value, key) ? value[key] : undefined;
    if (entry !== undefined) copy[key] = known(properties[key] as TSchema, entry, path === "" ? key : `${path}.${key}`);
  }
  return copy;
}

function firstFault(errors: Iterable<ValueError>): GranuleError | undefined {
  for (const error of errors) {
    const path = fieldPath(error.path);
    if (error.type === ValueErrorType.ObjectRequiredProperty || error.value === undefined) {
      return invalid(path, "a value");
    }
    // Of several variants the last one tells most, being the one with the most fields.
    const last = error.errors.at(-1);
    const deeper = last === undefined ? undefined : firstFault(last);
    if (deeper !== undefined && deeper.details?.["field"] !== path) return deeper;
    return invalid(path === "" ? "params" : path, expectation(error.schema));
  }
  return undefined;
}

/** A JSON pointer as people write paths: `/mounts/0/target` is `mounts[0].target`. */
function fieldPath(pointer: string): string {
  const steps = pointer.split("/").slice(1);
  return steps
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : path === "" ? step : `${path}.${step}`), "");
}

function expectation(schema: TSchema): string {
  const { minimum, maxLength, maxItems } = schema as { minimum?: number; maxLength?: number; maxItems?: number };
  switch (schema[Kind]) {
    case "String":
      return schema["format"] === "date-time"
        ? "a time such as 2026-01-31T12:00:00Z"
        : `text of at most ${maxLength} characters`;
    case "Integer":
      return `a whole number from ${minimum} on`;
    case "Number":
      return "a finite number";
    case "Boolean":
      return "true or false";
    case "Literal":
      return String(schema["const"]);
    case "Array":
      return `a list of at most ${maxItems} entries`;
    case "Object":
    case "Record":
      return "a map";
    case "Union": {
      const variants = [...new Set((schema["anyOf"] as TSchema[]).map(expectation))];
      return variants.length === 1 ? String(variants[0]) : `one of ${variants.join(", ")}`;
    }
    default:
      return "another value";
  }
}

function invalid(path: string, expected: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `${path}: expected ${expected}`, { details: { field: path } });
}

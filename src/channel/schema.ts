import { type OptionalKind, type TSchema, Type } from "@sinclair/typebox";

/** A TypeBox schema (JSON Schema 2020-12) of values of T. */
export type Schema<T> = TSchema & { readonly static: T };

/** A field that may be absent. */
export type OptionalSchema<T> = Schema<T> & { readonly [OptionalKind]: "Optional" };

/** What a schema lets through. */
export type Infer<S> = S extends { readonly static: infer T } ? T : never;

/** One schema for every field of T: a field that is added to T and forgotten here does not compile. */
export type Shape<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalSchema<Exclude<T[K], undefined>> : Schema<T[K]>;
};

/** Longest text unless told: what the kernel takes as one argument or variable (MAX_ARG_STRLEN, execve(2)). */
const TEXT_CHARACTERS = 131_072;

/** Text of at most `maxLength` characters. */
export function string(maxLength = TEXT_CHARACTERS): Schema<string> {
  return Type.String({ maxLength });
}

/** A point in time: ISO 8601 in UTC, to the nanosecond where that is known. */
export function time(): Schema<string> {
  return Type.String({ maxLength: 64, format: "date-time" });
}

export function boolean(): Schema<boolean> {
  return Type.Boolean();
}

/** A finite number. */
export function number(): Schema<number> {
  return Type.Number();
}

/** A whole number that a double holds exactly, from `min` on. */
export function integer(min = 0): Schema<number> {
  return Type.Integer({ minimum: min, maximum: Number.MAX_SAFE_INTEGER });
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: T[]): Schema<T> {
  if (words.length === 1) return Type.Literal(words[0] as T) as Schema<T>;
  return Type.Union(words.map((word) => Type.Literal(word))) as Schema<T>;
}

export function array<T>(item: Schema<T>, maxItems = 65_536): Schema<T[]> {
  return Type.Array(item, { maxItems }) as Schema<T[]>;
}

/** A map from any text to values of one kind. */
export function record<T>(item: Schema<T>): Schema<Record<string, T>> {
  return Type.Record(Type.String(), item) as Schema<Record<string, T>>;
}

/** A map of known fields; others are ignored, so that newer peers may send more. */
export function object<T extends object>(shape: Shape<T>): Schema<T> {
  return Type.Object<Record<string, TSchema>>(shape) as unknown as Schema<T>;
}

/** A value of any kind. */
export function unknown(): Schema<unknown> {
  return Type.Unknown();
}

/** The absence of a result. */
export function nothing(): Schema<null> {
  return Type.Null();
}

export function either<A, B>(first: Schema<A>, second: Schema<B>): Schema<A | B> {
  // One flat list: a union within a union would hide the fields of its variants.
  const variants = [first, second].flatMap((schema: TSchema) => (schema["anyOf"] as TSchema[] | undefined) ?? [schema]);
  return Type.Union(variants) as Schema<A | B>;
}

export function optional<T>(schema: Schema<T>): OptionalSchema<T> {
  return Type.Optional(schema) as OptionalSchema<T>;
}

/** The schema under a name of its own, by which the documents refer to it. */
export function named<T>(title: string, schema: Schema<T>): Schema<T> {
  return { ...schema, title };
}

/** The schema with a sentence for the documents. */
export function about<S extends TSchema>(description: string, schema: S): S {
  return { ...schema, description };
}

import { invalid } from "./invalid.js";

/** What `--filter` was given: the values of each key. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** How one key's value is compared with an item. */
export type FilterTests<T> = Record<string, (item: T, value: string) => boolean>;

/** Keys of which every value must hold, as docker has it; of any other one is enough. */
const conjunctive = new Set(["label", "tag"]);

/** A commander argument parser for `--filter key=value`, with the keys that a command has. */
export function filterParser(keys: readonly string[]): (text: string, before: Filters | undefined) => Filters {
  return (text, before) => {
    const at = text.indexOf("=");
    const key = text.slice(0, Math.max(0, at));
    if (at < 1 || at === text.length - 1) throw invalid(`'${text}' is not a filter`, "write it as key=value");
    if (!keys.includes(key)) throw invalid(`there is no filter '${key}'`, `the filters are ${keys.join(", ")}`);
    return new Map(before).set(key, [...(before?.get(key) ?? []), text.slice(at + 1)]);
  };
}

/** Whether an item passes: every key given, and of a key's values any one. */
export function passes<T>(item: T, filters: Filters | undefined, tests: FilterTests<T>): boolean {
  return [...(filters ?? [])].every(([key, values]) => {
    const holds = (value: string): boolean => tests[key]?.(item, value) ?? false;
    return conjunctive.has(key) ? values.every(holds) : values.some(holds);
  });
}

/** `key` or `key=value` of tags. */
export function hasTag(tags: Record<string, string> | undefined, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const value = tags?.[at < 0 ? wanted : wanted.slice(0, at)];
  return value !== undefined && (at < 0 || value === wanted.slice(at + 1));
}

/** An image by its name, with or without the tag, or by its id's beginning. */
export function isImage(wanted: string, name: string | undefined, id?: string): boolean {
  if (name !== undefined && (name === wanted || name.startsWith(`${wanted}:`) || name.startsWith(`${wanted}@`)))
    return true;
  const hex = (text: string): string => text.replace(/^sha256:/, "");
  return id !== undefined && hex(wanted).length >= 4 && hex(id).startsWith(hex(wanted));
}

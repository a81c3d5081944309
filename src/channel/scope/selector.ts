import { GranuleError } from "../../errors.js";

export type Tags = Readonly<Record<string, string>>;

/** Whether tags have every tag of a selector. */
export function selects(selector: Tags, tags: Tags | undefined): boolean {
  return Object.entries(selector).every(
    ([key, value]) => tags !== undefined && Object.hasOwn(tags, key) && tags[key] === value,
  );
}

/** A filter's tags narrowed to a selector; undefined where the two exclude each other, so that nothing can match. */
export function narrowed(selector: Tags, tags: Tags = {}): Record<string, string> | undefined {
  return selects(tags, { ...tags, ...selector }) ? { ...tags, ...selector } : undefined;
}

/**
 * The tags of something new that a bound principal makes: its selector's are added.
 * @throws PERMISSION_DENIED where they were asked to be others.
 */
export function boundTags(selector: Tags, tags: Tags = {}): Record<string, string> {
  const bound = narrowed(selector, tags);
  if (bound === undefined) {
    throw new GranuleError("PERMISSION_DENIED", `your access is bound to ${selectorText(selector)}`, {
      hint: "leave these tags out, or give them these values",
    });
  }
  return bound;
}

/** A selector as it is written on a command line. */
export function selectorText(selector: Tags): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

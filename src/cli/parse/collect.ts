/** A commander argument parser for an option that may be given several times. */
export function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

/** The same for `key=value` options that make one object. */
export function collectEntries<T>(
  parse: (text: string) => [string, T],
): (text: string, before: Record<string, T> | undefined) => Record<string, T> {
  return (text, before) => {
    const [key, value] = parse(text);
    return { ...before, [key]: value };
  };
}

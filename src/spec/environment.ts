/** PATH where neither image nor options set one: the same as docker's, so that images behave alike. */
const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Joins lists of `KEY=value`: a later entry replaces an earlier one of its key, in the earlier one's place. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): string[] {
  const byKey = new Map<string, string>();
  for (const list of lists) {
    for (const entry of list) {
      const equals = entry.indexOf("=");
      byKey.set(equals === -1 ? entry : entry.slice(0, equals), entry);
    }
  }
  return [...byKey.values()];
}

/** What a process finds set before the image and the caller have their say. */
export function baseEnvironment(facts: { hostname: string; home: string; tty: boolean }): string[] {
  const base = [DEFAULT_PATH, `HOSTNAME=${facts.hostname}`, `HOME=${facts.home}`];
  if (facts.tty) base.push("TERM=xterm");
  return base;
}

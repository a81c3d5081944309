import { readFileSync } from "node:fs";
import { GranuleError } from "../../errors.js";
import type { Reference } from "../reference.js";

/** Where one repository may be fetched from. */
export interface Location {
  /** Host and port, such as `registry-1.docker.io` or `mirror.example:5000`. */
  host: string;
  /** Repository at that host. */
  repository: string;
  /** Plain http and certificates that nobody vouches for are allowed. */
  insecure: boolean;
  mirror: boolean;
  /** Layers that registries do not hold may come from the urls that the manifest names. */
  foreignLayers: boolean;
}

interface Rule {
  /** Replaces the prefix; the prefix itself unless told. */
  location?: string;
  /** `host[:port][/path]` each, tried before the location, in their order. */
  mirrors: { location: string; insecure: boolean }[];
  insecure: boolean;
  blocked: boolean;
  foreignLayers: boolean;
}

/** The host behind a name's domain; docker.io is a name only. */
const SERVED_AT: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };
const LOCATION = /^[a-zA-Z0-9.[\]:-]+(?:\/[a-z0-9][a-z0-9._-]*)*$/;

/**
 * Mirrors, rewrites and exceptions of registries, as the operator has them in a JSON file:
 * `{"registries": {"docker.io": {"mirrors": ["mirror.example:5000/hub"], "location": ..., "insecure": true, "blocked": true,
 * "foreignLayers": true}}}`. A key is a domain, or a domain and the beginning of a path; the longest that fits counts.
 */
export class RegistryConfiguration {
  readonly #rules: ReadonlyMap<string, Rule>;

  constructor(rules: ReadonlyMap<string, Rule> = new Map()) {
    this.#rules = rules;
  }

  /**
   * Reads the file; one that is absent says nothing.
   * @throws GranuleError INVALID_ARGUMENT that names the faulty part
   */
  static read(path: string): RegistryConfiguration {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return new RegistryConfiguration();
      throw GranuleError.from(thrown);
    }
    return new RegistryConfiguration(parse(text, path));
  }

  /**
   * Where to fetch an image from, the first choice first.
   * @param insecure the caller allows plain http and any certificate
   * @throws GranuleError PERMISSION_DENIED where the configuration blocks it
   */
  locations({ domain, path }: Reference, insecure: boolean): Location[] {
    const name = `${domain}/${path}`;
    const prefix = [...this.#rules.keys()]
      .filter((key) => name === key || name.startsWith(`${key}/`))
      .sort((a, b) => b.length - a.length)[0];
    const rule = prefix === undefined ? undefined : this.#rules.get(prefix);
    if (rule?.blocked) {
      throw new GranuleError("PERMISSION_DENIED", `${prefix} is blocked by this host's configuration of registries`);
    }
    const rest = prefix === undefined ? "" : name.slice(prefix.length);
    const foreignLayers = rule?.foreignLayers ?? false;
    const mirrors = (rule?.mirrors ?? []).map((mirror) => ({
      ...locate(`${mirror.location}${mirrorPath(domain, path, prefix, rest)}`),
      insecure: mirror.insecure,
      mirror: true,
      foreignLayers,
    }));
    const own = rule?.location === undefined ? name : `${rule.location}${rest}`;
    return [
      ...mirrors,
      { ...locate(own), insecure: insecure || (rule?.insecure ?? false), mirror: false, foreignLayers },
    ];
  }
}

/** A mirror of a whole registry has its repositories under the same path; one of a path, what lies below it. */
function mirrorPath(domain: string, path: string, prefix: string | undefined, rest: string): string {
  return prefix === domain ? `/${path}` : rest;
}

function locate(name: string): { host: string; repository: string } {
  const slash = name.indexOf("/");
  const domain = name.slice(0, slash);
  return { host: SERVED_AT[domain] ?? domain, repository: name.slice(slash + 1) };
}

function parse(text: string, path: string): Map<string, Rule> {
  const fail = (why: string): GranuleError =>
    new GranuleError("INVALID_ARGUMENT", `the configuration of registries is not usable: ${why}`, { path });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (thrown) {
    throw fail((thrown as Error).message);
  }
  const registries = isObject(document) ? (document["registries"] ?? {}) : undefined;
  if (!isObject(registries)) throw fail("`registries` is not an object");
  const location = (value: unknown, what: string): string => {
    if (typeof value === "string" && LOCATION.test(value)) return value;
    throw fail(`${what} is not of the form host[:port][/path]`);
  };
  const flag = (value: unknown, what: string): boolean => {
    if (value === undefined || typeof value === "boolean") return value ?? false;
    throw fail(`${what} is neither true nor false`);
  };
  return new Map(
    Object.entries(registries).map(([key, value]) => {
      if (!isObject(value)) throw fail(`the entry of ${key} is not an object`);
      const mirrors = value["mirrors"] ?? [];
      if (!Array.isArray(mirrors)) throw fail(`mirrors of ${key} is not a list`);
      const rule: Rule = {
        mirrors: mirrors.map((mirror: unknown) =>
          isObject(mirror)
            ? {
                location: location(mirror["location"], `a mirror of ${key}`),
                insecure: flag(mirror["insecure"], `insecure of a mirror of ${key}`),
              }
            : { location: location(mirror, `a mirror of ${key}`), insecure: false },
        ),
        insecure: flag(value["insecure"], `insecure of ${key}`),
        blocked: flag(value["blocked"], `blocked of ${key}`),
        foreignLayers: flag(value["foreignLayers"], `foreignLayers of ${key}`),
      };
      if (value["location"] !== undefined) rule.location = location(value["location"], `location of ${key}`);
      return [location(key, `the key ${JSON.stringify(key)}`), rule];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

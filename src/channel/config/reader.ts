import type { Faults } from "./faults.js";
import type { YamlPath, YamlSource } from "./yaml-source.js";

/** A value of the configuration file at its path; tells what is wrong with it instead of throwing. */
export class YamlValue {
  readonly path: YamlPath;
  readonly #value: unknown;
  readonly #source: YamlSource;
  readonly #faults: Faults;

  constructor(value: unknown, path: YamlPath, source: YamlSource, faults: Faults) {
    this.#value = value;
    this.path = path;
    this.#source = source;
    this.#faults = faults;
  }

  get present(): boolean {
    return this.#value !== undefined && this.#value !== null;
  }

  get raw(): unknown {
    return this.#value;
  }

  get place(): string {
    return this.#source.place(this.path);
  }

  /** Its path as people write it: `access.peers[0].role`. */
  get name(): string {
    return this.path.reduce<string>((text, key) => {
      if (typeof key === "number") return `${text}[${key}]`;
      return text === "" ? key : `${text}.${key}`;
    }, "");
  }

  fault(message: string, hint?: string): undefined {
    this.#faults.add(this.place, this.name === "" ? message : `${this.name}: ${message}`, hint);
  }

  /** The entries of a map that may have these keys; undefined where it is absent or none. */
  map<K extends string>(keys: readonly K[]): Record<K, YamlValue> | undefined {
    const entries = this.entries();
    if (entries === undefined) return undefined;
    for (const [key] of entries) {
      if ((keys as readonly string[]).includes(key)) continue;
      const name = [...this.path, key].join(".");
      this.#faults.add(this.#source.keyPlace(this.path, key), `${name}: unknown key`, `known are ${keys.join(", ")}`);
    }
    const known = new Map(entries);
    return Object.fromEntries(keys.map((key) => [key, known.get(key) ?? this.#child(undefined, key)])) as Record<
      K,
      YamlValue
    >;
  }

  /** The entries of a map of any keys. */
  entries(): [string, YamlValue][] | undefined {
    if (!this.present) return undefined;
    if (typeof this.#value !== "object" || Array.isArray(this.#value)) return this.fault("expected a map");
    return Object.entries(this.#value as Record<string, unknown>).map(([key, value]) => [key, this.#child(value, key)]);
  }

  list(): YamlValue[] | undefined {
    if (!this.present) return undefined;
    if (!Array.isArray(this.#value)) return this.fault("expected a list");
    return this.#value.map((entry: unknown, index) => this.#child(entry, index));
  }

  text(): string | undefined {
    if (!this.present) return undefined;
    if (typeof this.#value === "string") return this.#value;
    return this.fault("expected text", typeof this.#value === "object" ? undefined : `write it in quotes`);
  }

  flag(): boolean | undefined {
    if (!this.present || typeof this.#value === "boolean") return this.#value as boolean | undefined;
    return this.fault("expected true or false");
  }

  #child(value: unknown, key: string | number): YamlValue {
    return new YamlValue(value, [...this.path, key], this.#source, this.#faults);
  }
}

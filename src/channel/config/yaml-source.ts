import { readFileSync, statSync } from "node:fs";
import { isMap, isPair, isScalar, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { GranuleError } from "../../errors.js";
import type { Faults } from "./faults.js";

export type YamlPath = readonly (string | number)[];

/** A configuration file's values, each with the line and column where it stands. */
export class YamlSource {
  readonly root: unknown;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document;

  constructor(file: string, text: string, faults: Faults) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos, message } of this.#document.errors)
      faults.add(this.#at(pos[0]), message.split("\n")[0] ?? message);
    this.root =
      this.#document.errors.length === 0 ? (this.#document.toJS({ maxAliasCount: 100 }) as unknown) : undefined;
  }

  /** Where a value stands; its nearest parent where there is none. */
  place(path: YamlPath): string {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true) as ParsedNode | undefined;
      if (node?.range) return this.#at(node.range[0]);
    }
    return this.#file;
  }

  /** Where a key of a map stands. */
  keyPlace(path: YamlPath, key: string): string {
    const map =
      path.length === 0 ? this.#document.contents : (this.#document.getIn(path, true) as ParsedNode | undefined);
    if (isMap(map)) {
      for (const pair of map.items) {
        if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === key && pair.key.range) {
          return this.#at(pair.key.range[0]);
        }
      }
    }
    return this.place(path);
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }
}

/** Reads a configuration file; undefined where there is none and it was not asked for by name. */
export function readYamlSource(file: string, askedAt: string | undefined, faults: Faults): YamlSource | undefined {
  try {
    const text = readFileSync(file, "utf8");
    if (statSync(file).mode & 0o002) {
      faults.add(file, "anybody may write this file, and so give themselves a role", `chmod o-w ${file}`);
    }
    return new YamlSource(file, text, faults);
  } catch (thrown) {
    const { errno, message } = GranuleError.from(thrown);
    if (errno === "ENOENT" && askedAt === undefined) return undefined;
    faults.add(askedAt ?? file, `the file ${file} cannot be read (${errno ?? message})`);
    return undefined;
  }
}

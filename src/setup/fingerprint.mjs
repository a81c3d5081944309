import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Every file below the given files and folders, sorted, relative to the root. */
export function filesBelow(root, paths) {
  const found = [];
  for (const path of paths) {
    const full = join(root, path);
    if (!existsSync(full)) continue;
    if (!statSync(full).isDirectory()) {
      found.push(path);
      continue;
    }
    for (const name of readdirSync(full)) found.push(...filesBelow(root, [join(path, name)]));
  }
  return found.sort();
}

/** A digest of the names and contents of all files below the paths: times of a fresh checkout say nothing. */
export function fingerprint(root, paths) {
  const hash = createHash("sha256");
  for (const file of filesBelow(root, paths))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update("\0");
  return hash.digest("hex");
}

/** Remembers, in one small file, from which fingerprint each output was built. */
export class Stamps {
  #path;
  #values = {};

  constructor(path) {
    this.#path = path;
    try {
      this.#values = JSON.parse(readFileSync(path, "utf8"));
    } catch {
      this.#values = {}; // absent or broken: everything counts as not yet built
    }
  }

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    this.#values[name] = value;
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, `${JSON.stringify(this.#values, null, 2)}\n`);
  }
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("browser core");

/** Every module that an entry loads, by its url or package name. */
function loaded(entry: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(entry.href)) return seen;
  seen.add(entry.href);
  const source = readFileSync(fileURLToPath(entry), "utf8");
  for (const [, name = ""] of source.matchAll(/^(?:(?:import|export) [^"']*? from |import )"([^"]+)";$/gm)) {
    if (name.startsWith(".")) loaded(new URL(name, entry), seen);
    else seen.add(name);
  }
  return seen;
}

for (const entry of ["client", "protocol"]) {
  test(`channel/${entry} loads nothing of Node`, () => {
    const modules = loaded(new URL(`../../src/channel/${entry}.js`, import.meta.url));
    const packages = [...modules].filter((name) => !name.startsWith("file:"));
    assert.equal(
      packages.filter((name) => name !== (entry === "client" ? "cbor-x" : "@sinclair/typebox")),
      [],
    );
    for (const name of modules) {
      if (name.startsWith("file:")) {
        const source = readFileSync(fileURLToPath(name), "utf8");
        assert.not.match(source, /\b(?:Buffer\.|process\.\w|setImmediate\()/, name);
      }
    }
  });
}

test.run();

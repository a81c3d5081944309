import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const src = fileURLToPath(new URL("../../src/", import.meta.url));

/** Folders of src/ by height: a file may import from its own folder and from lower ones. */
const heights = new Map([
  ["errors.ts", 0],
  ["api.ts", 0],
  ["native.ts", 1],
  ["spec", 2],
  ["cgroup", 2],
  ["state", 2],
  ["image", 3],
  ["meter", 3],
  ["runtime", 4],
  ["channel", 5],
  ["index.ts", 6],
  ["cli", 7],
]);

interface Import {
  from: string;
  /** A path relative to src/, or a bare specifier. */
  to: string;
  typeOnly: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const statements = text.matchAll(/^\s*(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm);
  return [...statements].map((match) => {
    const specifier = match[2] ?? match[3] ?? "";
    const to = specifier.startsWith(".")
      ? relative(src, resolve(src, dirname(file), specifier)).replace(/\.js$/, ".ts")
      : specifier;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const partOf = (file: string): string => file.split("/")[0] ?? file;

const architecture = suite("architecture");

architecture("every file of src has a known place", () => {
  const strangers = files.map(partOf).filter((part) => !heights.has(part));
  assert.equal([...new Set(strangers)], []);
});

architecture("imports point one way", () => {
  const upward: string[] = [];
  for (const { from, to } of [...graph.values()].flat()) {
    if (!graph.has(to)) continue;
    const sameFolder = partOf(from) === partOf(to);
    if (!sameFolder && (heights.get(partOf(to)) ?? 0) >= (heights.get(partOf(from)) ?? 0))
      upward.push(`${from} -> ${to}`);
  }
  assert.equal(upward, []);
});

architecture("no file reaches itself by its imports", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const { to } of graph.get(file) ?? []) if (graph.has(to)) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.equal(circles, []);
});

architecture("only native.ts loads the addon", () => {
  const loaders = files.filter((file) => /\.node"|createRequire/.test(readFileSync(join(src, file), "utf8")));
  assert.equal(loaders, ["native.ts"]);
});

for (const entry of ["channel/client.ts", "channel/protocol.ts"].filter((file) => graph.has(file))) {
  architecture(`${entry} loads nothing of Node`, () => {
    const offences: string[] = [];
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { to, typeOnly } of graph.get(file) ?? []) {
        if (typeOnly) continue;
        if (graph.has(to)) visit(to);
        else if (to.startsWith("node:") || to === "ws" || to === "libsql" || to === "tar")
          offences.push(`${file} -> ${to}`);
      }
    };
    visit(entry);
    assert.equal(offences, []);
  });
}

architecture.run();

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { documents } from "../../src/channel/documents/all.js";
import { METHODS } from "../../src/channel/methods.js";

const test = suite("documents of the protocol");

const text = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../src/channel/${name}`, import.meta.url)), "utf8");

for (const [name, made] of Object.entries(documents())) {
  test(`${name} is what the table says; \`npm run documents\` writes it`, () => {
    assert.is(text(name), made);
  });
}

/** Every `$ref` of a document. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => (key === "$ref" ? [String(entry)] : references(entry)));
}

function resolves(document: unknown, reference: string): boolean {
  const steps = reference.split("/").slice(1);
  return (
    steps.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document) !== undefined
  );
}

for (const name of ["granule.schema.json", "granule.asyncapi.json"]) {
  test(`${name} refers to nothing that is not in it`, () => {
    const document: unknown = JSON.parse(text(name));
    const all = references(document);
    assert.ok(all.length > 50);
    assert.equal(
      all.filter((reference) => !resolves(document, reference)),
      [],
    );
  });
}

test("each method is an operation with its role, and has its schemas", () => {
  const { operations } = JSON.parse(text("granule.asyncapi.json")) as {
    operations: Record<string, { "x-role": string }>;
  };
  const { $defs } = JSON.parse(text("granule.schema.json")) as { $defs: Record<string, unknown> };
  assert.equal(Object.keys(operations), Object.keys(METHODS));
  for (const [name, { role }] of Object.entries(METHODS)) {
    assert.is(operations[name]?.["x-role"], role);
    assert.ok($defs[`${name}.params`] && $defs[`${name}.result`], name);
  }
});

test.run();

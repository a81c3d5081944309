import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Filters, filterParser, hasTag, isImage, passes } from "../../../src/cli/parse/filter.js";
import { GranuleError } from "../../../src/errors.js";

const parse = filterParser(["name", "label", "id"]);
const filters = (...texts: string[]): Filters | undefined =>
  texts.reduce<Filters | undefined>((before, text) => parse(text, before), undefined);

interface Item {
  name: string;
  label: Record<string, string>;
}

const holds = (item: Item, ...texts: string[]): boolean =>
  passes(item, filters(...texts), {
    name: ({ name }, value) => name === value,
    label: ({ label }, value) => hasTag(label, value),
    id: () => false,
  });

const test = suite("--filter");

test("of one key any value is enough, of labels all are needed, and every key counts", () => {
  const item = { name: "web", label: { team: "a", tier: "1" } };
  assert.ok(holds(item));
  assert.ok(holds(item, "name=db", "name=web"));
  assert.not.ok(holds(item, "name=db"));
  assert.ok(holds(item, "label=team", "label=tier=1"));
  assert.not.ok(holds(item, "label=team=a", "label=tier=2"));
  assert.not.ok(holds(item, "name=web", "id=1"));
});

test("a value may hold an equals sign", () => {
  assert.equal([...(filters("label=a=b=c") ?? [])], [["label", ["a=b=c"]]]);
});

for (const [text, said] of [
  ["name", "'name' is not a filter"],
  ["=x", "'=x' is not a filter"],
  ["name=", "'name=' is not a filter"],
  ["colour=red", "there is no filter 'colour'"],
] as const) {
  test(`${text} is refused`, () => {
    assert.throws(
      () => parse(text, undefined),
      (thrown: unknown) => thrown instanceof GranuleError && thrown.message.includes(said) && thrown.hint !== undefined,
    );
  });
}

test("an image is met by its name, without its tag, and by its id", () => {
  const id = "sha256:abcdef0123456789";
  assert.ok(isImage("app", "app:latest", id));
  assert.ok(isImage("app:latest", "app:latest", id));
  assert.ok(isImage("sha256:abcdef", "app:latest", id));
  assert.ok(isImage("abcdef", undefined, id));
  assert.not.ok(isImage("ap", "app:latest", id));
  assert.not.ok(isImage("ab", undefined, id), "too short for an id");
});

test.run();

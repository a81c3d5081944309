import { suite } from "uvu";
import * as assert from "uvu/assert";
import { normalizeReference, parseReference, shortReference } from "../../src/image/reference.js";

const test = suite("image references");

const names: [text: string, normalized: string, short: string][] = [
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["granule/base", "docker.io/granule/base:latest", "granule/base:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["localhost/a", "localhost/a:latest", "localhost/a:latest"],
  ["localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000/a/b:c"],
  ["registry.example/app__x/y-z:V1", "registry.example/app__x/y-z:V1", "registry.example/app__x/y-z:V1"],
  ["[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"],
];

for (const [text, normalized, short] of names) {
  test(`${text} is ${normalized}, shown ${short}`, () => {
    assert.is(normalizeReference(text), normalized);
    assert.is(shortReference(normalized), short);
    assert.is(normalizeReference(short), normalized);
  });
}

test("a digest is kept beside the name", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  assert.equal(parseReference(`a.example/b@${digest}`), { domain: "a.example", path: "b", digest });
});

const faults: [text: string, says: RegExp][] = [
  ["", /empty/],
  ["Busybox", /lower case/],
  ["a b", /must be lower-case letters/],
  ["a//b", /part of its path is empty/],
  ["/a", /part of its path is empty/],
  ["a:", /tag must be/],
  ["a:-x", /tag must be/],
  [`a:${"x".repeat(129)}`, /tag must be/],
  ["a@sha256:12", /digest must be/],
  ["a@md5:12", /digest must be/],
  ["-bad.example/a", /no registry host/],
  ["x.example/..", /must be lower-case/],
  ["../../etc/passwd", /no registry host|must be lower-case/],
  ["a".repeat(300), /longer than 255/],
];

for (const [text, says] of faults) {
  test(`refused: ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.throws(
      () => parseReference(text),
      (thrown: Error & { code?: string; hint?: string }) =>
        thrown.code === "INVALID_ARGUMENT" && says.test(thrown.message) && thrown.hint !== undefined,
    );
  });
}

test.run();

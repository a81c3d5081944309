import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSize } from "../../../src/cli/parse/size.js";

const test = suite("sizes on the command line");

test("units are powers of 1024, in either case, with or without B", () => {
  assert.is(parseSize("64m"), 64 * 2 ** 20);
  assert.is(parseSize("64M"), 64 * 2 ** 20);
  assert.is(parseSize("64mb"), 64 * 2 ** 20);
  assert.is(parseSize("64MiB"), 64 * 2 ** 20);
  assert.is(parseSize("1.5g"), 1.5 * 2 ** 30);
  assert.is(parseSize("2t"), 2 * 2 ** 40);
  assert.is(parseSize("10k"), 10240);
});

test("a bare number is bytes", () => {
  assert.is(parseSize("4096"), 4096);
  assert.is(parseSize("4096b"), 4096);
});

test("a fraction of a byte is cut off", () => {
  assert.is(parseSize("0.3k"), 307);
});

for (const text of ["", "m", "64q", "-1m", "1e3", "0x10", "64 m b", "1.5.2m", "NaN", "Infinity"]) {
  test(`'${text}' is refused`, () => {
    assert.throws(
      () => parseSize(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test("what no integer can hold is refused", () => {
  assert.throws(() => parseSize("99999999t"), /too large/);
});

test.run();

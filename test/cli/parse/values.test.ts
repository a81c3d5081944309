import { suite } from "uvu";
import * as assert from "uvu/assert";
import { collect, collectEntries } from "../../../src/cli/parse/collect.js";
import { parseCount, parseDecimal, parseTail } from "../../../src/cli/parse/number.js";
import { parseSignal } from "../../../src/cli/parse/signal.js";
import { parseTag } from "../../../src/cli/parse/tag.js";
import { parseUlimit } from "../../../src/cli/parse/ulimit.js";

const test = suite("small values on the command line");
const refused = (parse: (text: string) => unknown, ...texts: string[]): void => {
  for (const text of texts) {
    assert.throws(
      () => parse(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
      `'${text}'`,
    );
  }
};

test("ulimits: one number is soft and hard, -1 is unlimited", () => {
  assert.equal(parseUlimit("nofile=1024"), { name: "nofile", soft: 1024, hard: 1024 });
  assert.equal(parseUlimit("nofile=1024:4096"), { name: "nofile", soft: 1024, hard: 4096 });
  assert.equal(parseUlimit("core=0:unlimited"), { name: "core", soft: 0, hard: -1 });
  assert.equal(parseUlimit("memlock=-1"), { name: "memlock", soft: -1, hard: -1 });
  refused(parseUlimit, "", "nofile", "nofile=", "nofile=x", "=5", "nofile=5:4", "nofile=-1:4", "nofile=1:2:3");
});

test("tags: a key alone has an empty value, a value may hold =", () => {
  assert.equal(parseTag("team=a"), ["team", "a"]);
  assert.equal(parseTag("team"), ["team", ""]);
  assert.equal(parseTag("query=a=b"), ["query", "a=b"]);
  refused(parseTag, "", "=a");
});

test("signals by name, short name and number", () => {
  assert.is(parseSignal("SIGTERM"), "SIGTERM");
  assert.is(parseSignal("term"), "SIGTERM");
  assert.is(parseSignal("9"), 9);
  refused(parseSignal, "", "NOPE", "0", "65", "-9");
});

test("numbers", () => {
  assert.is(parseDecimal("0.5"), 0.5);
  assert.is(parseDecimal(".5"), 0.5);
  assert.is(parseDecimal("-1"), -1);
  refused(parseDecimal, "", "1e3", "abc", "0x1", "1,5", "NaN", "Infinity");
  assert.is(parseCount("10"), 10);
  refused(parseCount, "", "-1", "1.5", "x");
  assert.is(parseTail("all"), undefined);
  assert.is(parseTail("0"), 0);
});

test("repeated options gather, later keys win", () => {
  const list = collect(Number);
  assert.equal(list("2", list("1", undefined)), [1, 2]);
  const entries = collectEntries(parseTag);
  assert.equal(entries("b=3", entries("b=2", entries("a=1", undefined))), { a: "1", b: "3" });
});

test.run();

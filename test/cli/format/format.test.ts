import { suite } from "uvu";
import * as assert from "uvu/assert";
import { painter } from "../../../src/cli/format/colour.js";
import { decimal, humanAge, humanSize, shortId } from "../../../src/cli/format/human.js";
import { formatPairs, formatTable } from "../../../src/cli/format/table.js";

const test = suite("what people read");

test("columns are as wide as their widest cell, numbers stand right", () => {
  const lines = formatTable(
    [{ title: "NAME" }, { title: "N", align: "right" }],
    [
      ["a", "1"],
      ["longer", "200"],
    ],
  );
  assert.equal(lines, ["NAME       N", "a          1", "longer   200"]);
});

test("colours take no width", () => {
  const lines = formatTable(
    [{ title: "A" }, { title: "B" }],
    [
      ["\u001b[31mred\u001b[39m", "x"],
      ["plain", "y"],
    ],
  );
  assert.equal(lines.slice(1), ["\u001b[31mred\u001b[39m     x", "plain   y"]);
});

test("a table of no rows is its titles", () => {
  assert.equal(formatTable([{ title: "A" }, { title: "B" }], []), ["A   B"]);
});

test("pairs", () => {
  assert.equal(
    formatPairs([
      ["a", "1"],
      ["long", "2"],
    ]),
    ["a      1", "long   2"],
  );
});

test("sizes", () => {
  assert.is(humanSize(0), "0 B");
  assert.is(humanSize(999), "999 B");
  assert.is(humanSize(1024), "1 KiB");
  assert.is(humanSize(128 * 2 ** 20), "128 MiB");
  assert.is(humanSize(1.5 * 2 ** 30), "1.5 GiB");
  assert.is(humanSize(2 ** 20 - 1), "1 MiB");
  assert.is(humanSize(123.4 * 2 ** 20), "123 MiB");
});

test("ages tell the largest unit, and never the future", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  assert.is(humanAge("2026-11-23T11:59:59Z", now), "1 second ago");
  assert.is(humanAge("2026-11-23T11:57:00Z", now), "3 minutes ago");
  assert.is(humanAge("2026-11-20T12:00:00Z", now), "3 days ago");
  assert.is(humanAge("2026-11-23T12:00:09Z", now), "0 seconds ago");
});

test("ids and numbers", () => {
  assert.is(shortId("sha256:0123456789abcdef"), "0123456789ab");
  assert.is(decimal(0.5, 2), "0.5");
  assert.is(decimal(1, 2), "1");
});

test("colour only on a terminal, never with NO_COLOR", () => {
  const before = { noColour: process.env["NO_COLOR"], term: process.env["TERM"] };
  try {
    delete process.env["NO_COLOR"];
    process.env["TERM"] = "xterm";
    assert.is(painter({ isTTY: false })("red", "x"), "x");
    assert.is(painter({ isTTY: true })("red", "x"), "\u001b[31mx\u001b[39m");
    process.env["NO_COLOR"] = "1";
    assert.is(painter({ isTTY: true })("red", "x"), "x");
  } finally {
    delete process.env["NO_COLOR"];
    if (before.noColour !== undefined) process.env["NO_COLOR"] = before.noColour;
    delete process.env["TERM"];
    if (before.term !== undefined) process.env["TERM"] = before.term;
  }
});

test.run();

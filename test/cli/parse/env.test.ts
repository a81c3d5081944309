import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseEnv, parseEnvFile, readEnvFile } from "../../../src/cli/parse/env.js";

const test = suite("environment entries on the command line");

test("a value may be empty and may hold further =", () => {
  assert.is(parseEnv("A="), "A=");
  assert.is(parseEnv("A=b=c"), "A=b=c");
});

test("an entry without = or without a name is refused", () => {
  assert.throws(() => parseEnv("A"), /has no '='/);
  assert.throws(() => parseEnv(""), /has no '='/);
  assert.throws(() => parseEnv("=b"), /no name/);
});

test("a file has an entry a line; comments and blank lines are left out, values kept as they stand", () => {
  const text = '# first\nA=1\n\n  B=two words \r\n\t# indented\nC="quoted"\nD=#no comment';
  assert.equal(parseEnvFile(text, "x.env"), ["A=1", "B=two words ", 'C="quoted"', "D=#no comment"]);
});

test("a bad line is named by file and number", () => {
  assert.throws(() => parseEnvFile("A=1\nB", "x.env"), /x\.env:2/);
});

test("a file is read; a missing one is an error that names it", () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-env-"));
  try {
    writeFileSync(join(folder, "a.env"), "A=1\n");
    assert.equal(readEnvFile(join(folder, "a.env")), ["A=1"]);
    assert.throws(() => readEnvFile(join(folder, "b.env")), /b\.env' cannot be read \(ENOENT\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exitCodeOf } from "../../src/cli/failure.js";
import { GranuleError } from "../../src/errors.js";

const test = suite("exit codes of failures");

test("run, create and exec leave with docker's codes", () => {
  for (const command of ["run", "create", "exec"]) {
    assert.is(exitCodeOf(new GranuleError("NOT_FOUND", "no image"), command), 125);
    assert.is(exitCodeOf(new GranuleError("COMMAND_NOT_EXECUTABLE", "x"), command), 126);
    assert.is(exitCodeOf(new GranuleError("COMMAND_NOT_FOUND", "x"), command), 127);
    assert.is(exitCodeOf(new Error("x"), command), 125);
  }
});

test("every other command leaves with 1", () => {
  assert.is(exitCodeOf(new GranuleError("COMMAND_NOT_FOUND", "x"), "start"), 1);
  assert.is(exitCodeOf(new GranuleError("NOT_FOUND", "x"), "rm"), 1);
  assert.is(exitCodeOf(new Error("x"), undefined), 1);
});

test.run();

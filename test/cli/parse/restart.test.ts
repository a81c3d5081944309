import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseRestart } from "../../../src/cli/parse/restart.js";

const test = suite("restart policies on the command line");

test("policies", () => {
  assert.equal(parseRestart("no"), { policy: "never" });
  assert.equal(parseRestart("never"), { policy: "never" });
  assert.equal(parseRestart("always"), { policy: "always" });
  assert.equal(parseRestart("on-failure"), { policy: "on-failure" });
  assert.equal(parseRestart("on-failure:3"), { policy: "on-failure", maxRetries: 3 });
});

for (const text of ["", "sometimes", "on-failure:", "on-failure:x", "on-failure:-1", "always:3"]) {
  test(`'${text}' is refused`, () => {
    assert.throws(
      () => parseRestart(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test.run();

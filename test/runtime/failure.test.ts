import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchError } from "../../src/runtime/failure.js";

const test = suite("failures of a launch");

test("in a chroot whose root is no mount point, what mends it is told", () => {
  const failure = launchError({ step: "make mounts private", errno: "EINVAL", path: "/" }, "sh");
  assert.is(failure.code, "FAILED_PRECONDITION");
  assert.match(failure.message, /make mounts private: EINVAL \(\/\)/);
  assert.match(failure.hint ?? "", /bind mount the folder on itself/);
});

test("a command that is not there is 127's, whatever else failed at it", () => {
  const failure = launchError({ step: "exec", errno: "ENOENT", path: "" }, "/bin/nope");
  assert.is(failure.code, "COMMAND_NOT_FOUND");
  assert.match(failure.hint ?? "", /interpreter/);
  assert.is(launchError({ step: "exec", errno: "EACCES", path: "" }, "/etc").code, "COMMAND_NOT_EXECUTABLE");
});

test.run();

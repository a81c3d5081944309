import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { GranuleError } from "../../src/errors.js";
import { Directories } from "../../src/state/directories.js";
import { OwnerLock } from "../../src/state/lock.js";

const directories = suite("directories");

directories("come from options, then the environment, then defaults", () => {
  const paths = (options = {}, environment = {}): string[] => {
    const { root, state } = new Directories(options, environment);
    return [root, state];
  };
  assert.equal(paths(), ["/var/lib/granule", "/run/granule"]);
  assert.equal(paths({}, { GRANULE_ROOT: "/r" }), ["/r", "/r/run"]);
  assert.equal(paths({}, { GRANULE_ROOT: "/r", GRANULE_STATE: "/s" }), ["/r", "/s"]);
  assert.equal(paths({ root: "/o" }, { GRANULE_ROOT: "/r", GRANULE_STATE: "/s" }), ["/o", "/o/run"]);
  assert.equal(paths({ root: "/o", state: "/p" }), ["/o", "/p"]);
});

directories("whose sockets would have too long a path are refused", () => {
  const make = (): Directories => new Directories({ root: `/${"x".repeat(80)}` });
  assert.throws(make, (thrown: GranuleError) => thrown.code === "INVALID_ARGUMENT");
});

directories("are the owner's alone, and have one owner", () => {
  const root = mkdtempSync(join(tmpdir(), "granule-dirs-"));
  try {
    const made = new Directories({ root });
    made.create();
    assert.is(statSync(made.state).mode & 0o777, 0o700);
    const lock = OwnerLock.acquire([made.root, made.state], { pid: process.pid, socket: "/s" });
    try {
      OwnerLock.acquire([made.root, made.state], { pid: 1, socket: "/other" });
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as GranuleError).code, "FAILED_PRECONDITION");
      assert.equal((thrown as GranuleError).details, { pid: process.pid, socket: "/s" });
    }
    lock[Symbol.dispose]();
    OwnerLock.acquire([made.root, made.state], { pid: process.pid, socket: "/s" })[Symbol.dispose]();
  } finally {
    rmSync(root, { recursive: true });
  }
});

directories.run();

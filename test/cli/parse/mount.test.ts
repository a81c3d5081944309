import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseTmpfs, parseVolume } from "../../../src/cli/parse/mount.js";

const test = suite("mounts on the command line");

test("source and target, read-only where asked", () => {
  assert.equal(parseVolume("/a:/b"), { type: "bind", source: "/a", target: "/b" });
  assert.equal(parseVolume("/a:/b:ro"), { type: "bind", source: "/a", target: "/b", readOnly: true });
  assert.equal(parseVolume("/a:/b:rw"), { type: "bind", source: "/a", target: "/b" });
});

test("a relative source is taken from the working folder", () => {
  assert.is(parseVolume("./data:/b", "/home/me").source, "/home/me/data");
  assert.is(parseVolume(".:/b", "/home/me").source, "/home/me");
  assert.is(parseVolume("../x:/b", "/home/me").source, "/home/x");
});

for (const text of ["", "/a", "/a:", ":/b", "/a:b", "name:/b", "/a:/b:rx", "/a:/b:ro:rw"]) {
  test(`the volume '${text}' is refused`, () => {
    assert.throws(
      () => parseVolume(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test("a tmpfs with and without options", () => {
  assert.equal(parseTmpfs("/run"), { type: "tmpfs", target: "/run" });
  assert.equal(parseTmpfs("/run:size=64m,mode=1777,ro"), {
    type: "tmpfs",
    target: "/run",
    sizeBytes: 64 * 2 ** 20,
    mode: 0o1777,
    readOnly: true,
  });
});

for (const text of ["", "run", "/run:size=", "/run:mode=9", "/run:exec2"]) {
  test(`the tmpfs '${text}' is refused`, () => {
    assert.throws(
      () => parseTmpfs(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test.run();

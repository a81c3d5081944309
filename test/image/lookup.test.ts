import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readImageFile } from "../../src/image/lookup.js";
import { native } from "../../src/native.js";
import { type FixtureEntry, writeTar } from "../unpack/tar-fixture.js";

const test = suite("files of an image");
let folder: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-lookup-"));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** Unpacks layers, lowest first; their folders topmost first. */
async function stack(...layers: FixtureEntry[][]): Promise<string[]> {
  const folders: string[] = [];
  for (const [index, entries] of layers.entries()) {
    const target = join(folder, String(index));
    mkdirSync(target);
    const source = writeTar(join(folder, `${index}.tar`), entries);
    await native().unpackLayer({
      source,
      target,
      compression: "none",
      maxEntries: 100,
      maxBytes: 1e8,
      maxRatio: 100,
      hashSource: true,
      threads: 1,
    });
    folders.unshift(target);
  }
  return folders;
}

const read = (layers: string[], path: string): string | undefined => readImageFile(layers, path)?.toString();

test("the topmost layer's file counts", async () => {
  const layers = await stack(
    [
      { name: "etc/passwd", body: "low" },
      { name: "etc/group", body: "low" },
    ],
    [{ name: "etc/passwd", body: "top" }],
  );
  assert.equal(
    [read(layers, "/etc/passwd"), read(layers, "/etc/group"), read(layers, "/etc/none")],
    ["top", "low", undefined],
  );
});

test("whiteouts, opaque folders and files over folders hide what is below", async () => {
  const layers = await stack(
    [
      { name: "a/f", body: "1" },
      { name: "b/f", body: "1" },
      { name: "c/f", body: "1" },
      { name: "d/f", body: "1" },
    ],
    [{ name: "a/.wh.f" }, { name: "b/.wh..wh..opq" }, { name: "c", body: "file" }, { name: ".wh.d" }],
    [
      { name: "b/g", body: "2" },
      { name: "c/", type: "5", mode: 0o755 },
    ],
  );
  for (const path of ["/a/f", "/b/f", "/c/f", "/d/f"]) assert.is(read(layers, path), undefined, path);
  assert.is(read(layers, "/b/g"), "2");
});

test("symlinks lead through the layers and never out of the root", async () => {
  symlinkSync("/etc/hostname", join(folder, "outside"));
  const layers = await stack(
    [
      { name: "usr/etc/passwd", body: "inside" },
      { name: "etc", type: "2", link: "../../../usr/etc" },
    ],
    [
      { name: "abs", type: "2", link: "/etc/passwd" },
      { name: "rel", type: "2", link: "usr/./etc//../etc/passwd" },
    ],
    [{ name: "out", type: "2", link: `${folder}/outside` }],
  );
  for (const path of ["/etc/passwd", "/abs", "/rel", "/../../etc/passwd"])
    assert.is(read(layers, path), "inside", path);
  assert.is(read(layers, "/out"), undefined);
});

test("loops, other kinds of files and big files are refused", async () => {
  const layers = await stack([
    { name: "loop", type: "2", link: "loop" },
    { name: "pipe", type: "6" },
    { name: "dir/", type: "5" },
    { name: "big", body: "x".repeat(1024 * 1024 + 1) },
    { name: "file", body: "x" },
  ]);
  for (const [path, says] of [
    ["/loop", /symlinks/],
    ["/pipe", /regular/],
    ["/dir", /regular/],
    ["/big", /1 MiB/],
  ] as const) {
    assert.throws(
      () => readImageFile(layers, path),
      (thrown: Error & { code?: string }) => thrown.code === "FAILED_PRECONDITION" && says.test(thrown.message),
    );
  }
  assert.is(read(layers, "/file/below"), undefined);
});

test("it sees what the kernel's overlay shows", async () => {
  const layers = await stack(
    [
      { name: "x/1", body: "1" },
      { name: "x/y/2", body: "2" },
      { name: "l", type: "2", link: "x/y" },
      { name: "z/3", body: "3" },
    ],
    [{ name: "x/.wh.1" }, { name: "x/y/4", body: "4" }, { name: "z/.wh..wh..opq" }, { name: "z/5", body: "5" }],
  );
  mkdirSync(join(folder, "m"));
  writeFileSync(join(folder, "paths"), ["x/1", "x/y/2", "l/2", "l/4", "z/3", "z/5"].join("\n"));
  const script = `mount -t overlay overlay -o lowerdir=${layers.join(":")} m && while read -r p || [ -n "$p" ]; do cat "m/$p" 2>/dev/null || printf -; done < paths`;
  const kernel = execFileSync("unshare", ["-m", "sh", "-c", script], { cwd: folder }).toString();
  assert.is(
    ["/x/1", "/x/y/2", "/l/2", "/l/4", "/z/3", "/z/5"].map((path) => read(layers, path) ?? "-").join(""),
    kernel,
  );
});

test.run();

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native, type UnpackOptions, type UnpackResult } from "../../src/native.js";
import { type FixtureEntry, tarOf, zstdFrame, zstdFrameOfWindow } from "./tar-fixture.js";

const test = suite("unpackLayer: layers as they should be");
let folder: string;
let root: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-unpack-"));
  root = join(folder, "root");
  mkdirSync(root);
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

async function unpack(bytes: Uint8Array, compression: UnpackOptions["compression"] = "none"): Promise<UnpackResult> {
  const source = join(folder, "layer.tar");
  writeFileSync(source, bytes);
  return await native().unpackLayer({
    source,
    target: root,
    compression,
    maxEntries: 1000,
    maxBytes: 1e9,
    maxRatio: 100,
    hashSource: true,
    threads: 2,
  });
}

async function unpackEntries(...entries: FixtureEntry[]): Promise<UnpackResult> {
  return await unpack(tarOf(entries));
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

test("files, folders and links come out with their attributes", async () => {
  await unpackEntries(
    { name: "./", type: "5", mode: 0o711, mtime: 1_600_000_000 },
    { name: "bin/", type: "5", mode: 0o755, uid: 3, gid: 4, mtime: 1_500_000_000 },
    { name: "bin/tool", mode: 0o4755, uid: 1, gid: 2, body: "hello", mtime: 1_400_000_000 },
    { name: "bin/same", type: "1", link: "bin/tool" },
    { name: "bin/to", type: "2", link: "/etc/shadow", uid: 7, mtime: 1_300_000_000 },
    { name: "pipe", type: "6", mode: 0o622 },
    { name: "null", type: "3", mode: 0o666, major: 1, minor: 3 },
    { name: "disk", type: "4", mode: 0o660, gid: 6, major: 8, minor: 1 },
  );
  const tool = lstatSync(join(root, "bin/tool"));
  assert.is(tool.mode & 0o7777, 0o4755);
  assert.equal([tool.uid, tool.gid, tool.mtimeMs, tool.nlink], [1, 2, 1_400_000_000_000, 2]);
  assert.is(readFileSync(join(root, "bin/same"), "utf8"), "hello");
  assert.is(readlinkSync(join(root, "bin/to")), "/etc/shadow");
  assert.equal([lstatSync(join(root, "bin/to")).uid, lstatSync(join(root, "bin/to")).mtimeMs], [7, 1_300_000_000_000]);
  const bin = lstatSync(join(root, "bin"));
  assert.equal([bin.uid, bin.gid, bin.mtimeMs], [3, 4, 1_500_000_000_000]);
  assert.equal([lstatSync(root).mode & 0o7777, lstatSync(root).mtimeMs], [0o711, 1_600_000_000_000]);
  assert.ok(lstatSync(join(root, "pipe")).isFIFO());
  assert.is(lstatSync(join(root, "pipe")).mode & 0o7777, 0o622);
  assert.is(lstatSync(join(root, "null")).rdev, 0x103);
  assert.ok(lstatSync(join(root, "disk")).isBlockDevice());
});

test("whiteouts and opaque markers become overlayfs's, wherever they stand", async () => {
  await unpackEntries(
    { name: "a/.wh.gone" },
    { name: "b/new", body: "1" },
    { name: "b/.wh..wh..opq" },
    { name: "kept", body: "2" },
    { name: ".wh.kept" },
    { name: ".wh.replaced" },
    { name: "replaced/", type: "5", mode: 0o755 },
    { name: ".wh.below" },
    { name: "below/file", body: "3" },
    { name: ".wh..wh.plnk/1.2" },
  );
  const gone = lstatSync(join(root, "a/gone"));
  assert.ok(gone.isCharacterDevice() && gone.rdev === 0);
  const opaque = (name: string) => native().getXattr(join(root, name), "trusted.overlay.opaque")?.toString();
  assert.is(opaque("b"), "y");
  assert.is(readFileSync(join(root, "kept"), "utf8"), "2");
  assert.is(opaque("replaced"), "y");
  assert.is(opaque("below"), "y");
  assert.is(opaque("a"), undefined);
  assert.equal(readdirSync(root).sort(), ["a", "b", "below", "kept", "replaced"]);
});

test("the kernel merges what was unpacked: a real overlay mount hides and shows", async () => {
  const lower = join(folder, "lower");
  execFileSync("sh", [
    "-c",
    `mkdir -p ${lower}/b ${lower}/a && echo old > ${lower}/b/old && echo x > ${lower}/a/gone && echo y > ${lower}/a/stays`,
  ]);
  await unpackEntries({ name: "a/.wh.gone" }, { name: "b/new", body: "1" }, { name: "b/.wh..wh..opq" });
  const seen = execFileSync("unshare", [
    "-m",
    "sh",
    "-c",
    `mkdir ${folder}/m && mount -t overlay overlay -o lowerdir=${root}:${lower} ${folder}/m && cd ${folder}/m && find . -type f | sort`,
  ]);
  assert.equal(seen.toString().trim().split("\n"), ["./a/stays", "./b/new"]);
});

test("later entries replace earlier ones, folders are kept", async () => {
  await unpackEntries(
    { name: "x/", type: "5", mode: 0o700 },
    { name: "x/inner", body: "1" },
    { name: "x/", type: "5", mode: 0o750 },
    { name: "y/", type: "5" },
    { name: "y/deep/er", body: "1" },
    { name: "y", body: "file" },
    { name: "z", type: "2", link: "x" },
    { name: "z/", type: "5", mode: 0o755 },
    { name: "z/own", body: "2" },
    { name: "f", body: "1" },
    { name: "f", body: "longer" },
  );
  assert.is(lstatSync(join(root, "x")).mode & 0o777, 0o750);
  assert.equal(readdirSync(join(root, "x")), ["inner"]);
  assert.is(readFileSync(join(root, "y"), "utf8"), "file");
  assert.equal(readdirSync(join(root, "z")), ["own"]);
  assert.is(readFileSync(join(root, "f"), "utf8"), "longer");
});

test("PAX: long names, nanoseconds, extended attributes, capabilities", async () => {
  const name = `${"d".repeat(120)}/${"f".repeat(200)}`;
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex").toString("latin1");
  await unpackEntries({
    name: "short",
    body: "1",
    mode: 0o755,
    uid: 5,
    pax: {
      path: name,
      mtime: "1500000000.123456789",
      "SCHILY.xattr.security.capability": capability,
      "SCHILY.xattr.user.note": "a b",
    },
  });
  const stats = lstatSync(join(root, name), { bigint: true });
  assert.is(stats.mtimeNs, 1_500_000_000_123_456_789n);
  assert.is(native().getXattr(join(root, name), "user.note")?.toString(), "a b");
  assert.is(native().getXattr(join(root, name), "security.capability")?.toString("latin1"), capability);
});

test("PAX: times before 1970 keep their fraction", async () => {
  await unpackEntries({ name: "old", pax: { mtime: "-1.25" } });
  assert.is(lstatSync(join(root, "old"), { bigint: true }).mtimeNs, -1_250_000_000n);
});

test("GNU long names and links, ustar prefixes, v7 folders", async () => {
  const long = "n".repeat(150);
  await unpackEntries(
    { name: "././@LongLink", type: "L", body: `${long}\0` },
    { name: long.slice(0, 100), body: "1", magic: "gnu" },
    { name: "././@LongLink", type: "K", body: `${long}\0` },
    { name: "ln", type: "2", link: long.slice(0, 100), magic: "gnu" },
    { name: "in", prefix: "pre/fix", body: "2" },
    { name: "v7/", magic: "v7" },
    { name: "/absolute", body: "3" },
  );
  assert.is(readFileSync(join(root, long), "utf8"), "1");
  assert.is(readlinkSync(join(root, "ln")), long);
  assert.is(readFileSync(join(root, "pre/fix/in"), "utf8"), "2");
  assert.ok(lstatSync(join(root, "v7")).isDirectory());
  assert.is(readFileSync(join(root, "absolute"), "utf8"), "3");
});

test("digests and counts are of what was read", async () => {
  const tar = tarOf([
    { name: "a", body: "x".repeat(70_000) },
    { name: "b", type: "5" },
  ]);
  const compressed = gzipSync(tar);
  const result = await unpack(compressed, "gzip");
  assert.equal(result, {
    digest: sha256(compressed),
    diffId: sha256(tar),
    entries: 2,
    bytes: 70_000,
    compressedBytes: compressed.length,
    skippedXattrs: 0,
  });
});

test("gzip of several members, padded with zeros", async () => {
  const tar = tarOf([{ name: "a", body: "x".repeat(5000) }]);
  const parts = [gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700)), Buffer.alloc(100)];
  assert.is((await unpack(Buffer.concat(parts), "gzip")).diffId, sha256(tar));
});

test("zstd of several frames", async () => {
  const tar = tarOf([{ name: "a", body: "x".repeat(5000) }]);
  const frames = Buffer.concat([zstdFrame(tar.subarray(0, 700)), zstdFrame(tar.subarray(700))]);
  assert.is((await unpack(frames, "zstd")).diffId, sha256(tar));
});

test("a symlink inside the layer is followed, and only inside", async () => {
  await unpackEntries(
    { name: "usr/lib/", type: "5", mode: 0o755 },
    { name: "lib", type: "2", link: "/usr/lib" },
    { name: "lib/libc.so", body: "1" },
    { name: "up", type: "2", link: "../../../../../usr" },
    { name: "up/lib/second", body: "2" },
  );
  assert.equal(readdirSync(join(root, "usr/lib")).sort(), ["libc.so", "second"]);
});

test("a zstd stream may ask for a window of 64 MiB", async () => {
  await unpack(zstdFrameOfWindow(tarOf([{ name: "a", body: "x" }]), 26), "zstd");
  assert.is(readFileSync(join(root, "a"), "utf8"), "x");
});

test("progress is counted and a set cell cancels", async () => {
  const source = join(folder, "layer.tar");
  writeFileSync(source, tarOf([{ name: "a", body: "x" }]));
  const control = new BigInt64Array(new SharedArrayBuffer(16));
  const options = {
    source,
    target: root,
    compression: "none",
    maxEntries: 10,
    maxBytes: 10,
    maxRatio: 10,
    hashSource: true,
    threads: 2,
    control,
  } as const;
  await native().unpackLayer(options);
  assert.is(control[1], 2048n);
  Atomics.store(control, 0, 1n);
  try {
    await native().unpackLayer(options);
    assert.unreachable();
  } catch (thrown) {
    assert.is((thrown as { errno?: string }).errno, "ECANCELED");
  }
});

test.run();

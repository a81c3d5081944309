import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NativeFailure, native, type UnpackOptions } from "../../src/native.js";
import { type FixtureEntry, paxOf, tarOf, zstdFrame, zstdFrameOfWindow } from "./tar-fixture.js";

const test = suite("unpackLayer: hostile archives");
let folder: string;
let root: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-hostile-"));
  root = join(folder, "root");
  mkdirSync(root);
  writeFileSync(join(folder, "secret"), "untouched", { mode: 0o600 });
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

type Limits = Partial<Pick<UnpackOptions, "maxEntries" | "maxBytes" | "maxRatio">>;

async function unpack(
  bytes: Uint8Array,
  compression: UnpackOptions["compression"],
  limits: Limits = {},
): Promise<void> {
  const source = join(folder, "layer.tar");
  writeFileSync(source, bytes);
  await native().unpackLayer({
    source,
    target: root,
    compression,
    maxEntries: 100,
    maxBytes: 1e9,
    maxRatio: 100,
    hashSource: true,
    threads: 2,
    ...limits,
  });
}

async function failure(bytes: Uint8Array, compression: UnpackOptions["compression"], limits?: Limits) {
  try {
    await unpack(bytes, compression, limits);
  } catch (thrown) {
    return thrown as Error & NativeFailure;
  }
  throw new Error("the archive was taken");
}

const file: FixtureEntry = { name: "file", body: "body" };
/** Bytes as the fixture writes them. */
const utf8 = (text: string) => Buffer.from(text).toString("latin1");
const bomb = Buffer.alloc(24 * 1024 * 1024);
const whole = tarOf([{ name: "file", body: "x".repeat(3000) }]);
const sparse = (map: string, size: number) => ({ "GNU.sparse.map": map, "GNU.sparse.size": String(size) });
const deep = Array.from({ length: 300 }, () => "d").join("/");

/** A file's header with these bytes as its size, and a right checksum. */
function sized(size: Buffer): Buffer {
  const tar = tarOf([file]);
  size.copy(tar, 124);
  tar.write("        ", 148, "latin1");
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
}

const thousand = gzipSync(
  tarOf(
    Array.from({ length: 1000 }, () => ({ name: "d/", type: "5" })),
    { end: false },
  ),
);
const tenMillion = Buffer.concat(Array<Buffer>(10_000).fill(thousand));

/** What must be refused: the archive, and what the error must say. */
const refused: [
  what: string,
  archive: FixtureEntry[] | Uint8Array,
  says: RegExp,
  limits?: Limits,
  compression?: "gzip" | "zstd",
][] = [
  ["a name that leads upwards", [{ name: "../secret", body: "x" }], /"\.\.\/secret".*upwards/],
  ["a name that leads upwards in its middle", [{ name: "a/../../secret" }], /upwards/],
  ["a PAX path that leads upwards", [{ name: "a", pax: { path: "a/../../secret" } }], /upwards/],
  ["a hard link upwards", [{ name: "x", type: "1", link: "../secret" }], /upwards/],
  ["a hard link to a host file", [{ name: "x", type: "1", link: "/etc/passwd" }], /not in this layer/],
  [
    "a hard link through a symlink",
    [
      { name: "s", type: "2", link: "/etc" },
      { name: "x", type: "1", link: "s/passwd" },
    ],
    /not in this layer/,
  ],
  [
    "a hard link to a folder",
    [
      { name: "d/", type: "5" },
      { name: "x", type: "1", link: "d" },
    ],
    /no file/,
  ],
  ["a hard link to a whiteout", [{ name: ".wh.w" }, { name: "x", type: "1", link: "w" }], /no file/],
  ["a hard link to the root", [{ name: "x", type: "1", link: "." }], /not in this layer/],
  ["a symlink to nothing", [{ name: "x", type: "2", link: "" }], /symlink to nothing/],
  [
    "a file as the root",
    [
      { name: "./", type: "0", magic: "v7", body: "" },
      { name: ".", body: "x" },
    ],
    /root can only be a folder/,
  ],
  ["a folder through a file", [file, { name: "file/below" }], /no folder/],
  ["a folder through a dangling symlink", [{ name: "s", type: "2", link: "/nowhere" }, { name: "s/x" }], /no folder/],
  ["a folder through a symlink loop", [{ name: "s", type: "2", link: "s" }, { name: "s/x" }], /openat2/],
  ["a whiteout of nothing", [{ name: ".wh." }], /names nothing/],
  ["a whiteout of ..", [{ name: "a/.wh..." }], /names nothing/],
  ["a file below a whiteout", [{ name: ".wh.a/b" }], /below a whiteout/],
  ["a part of a name too long", [{ name: "x", pax: { path: "n".repeat(256) } }], /longer than 255/],
  ["a name too long", [{ name: "x", pax: { path: "n/".repeat(2500) } }], /longer than 4095/],
  ["a name too deep", [{ name: "x", pax: { path: deep } }], /deeper than 256/],
  ["a GNU name too long", [{ name: "L", type: "L", body: "n".repeat(9000) }, file], /too large/],
  ["an extension header without an entry", [{ name: "x", type: "x", body: paxOf({ path: "a" }) }], /truncated/],
  ["a PAX length that is too long", [{ name: "x", type: "x", body: "99 path=a\n" }, file], /length is wrong/],
  ["a PAX length that is too short", [{ name: "x", type: "x", body: "5 path=a\n" }, file], /length is wrong/],
  ["a PAX record without a length", [{ name: "x", type: "x", body: "path=a\n" }, file], /no length/],
  ["a PAX record without a key", [{ name: "x", type: "x", body: "6 =ab\n" }, file], /no key/],
  ["a PAX path with a NUL byte", [{ name: "x", pax: { path: "a\0b" } }], /NUL/],
  ["a PAX size that is no number", [{ name: "x", pax: { size: "1e3" } }], /no number/],
  ["a PAX size beyond the archive", [{ name: "x", body: "abc", pax: { size: "100000" } }], /truncated/],
  ["a PAX size beyond the cap", [{ name: "x", pax: { size: "99999999999999" } }], /exceed/],
  [
    "a PAX header larger than 1 MiB",
    [{ name: "x", type: "x", body: paxOf({ comment: "c".repeat(1 << 20) }) }, file],
    /too large/,
  ],
  [
    "two PAX headers",
    [
      { name: "x", type: "x", body: paxOf({ path: "a" }) },
      { name: "b", pax: { path: "c" } },
    ],
    /two PAX headers/,
  ],
  ["a global PAX path", [{ name: "g", type: "g", body: paxOf({ path: "a" }) }, file], /global/],
  [
    "a chain of extension headers",
    [...Array.from({ length: 5 }, () => ({ name: "g", type: "g", body: paxOf({ comment: "c" }) })), file],
    /too many/,
  ],
  [
    "a GNU and a PAX name that differ",
    [
      { name: "L", type: "L", body: "one\0" },
      { name: "x", pax: { path: "two" } },
    ],
    /differ/,
  ],
  ["a link that carries data", [file, { name: "x", type: "1", link: "file", body: "data" }], /carries data/],
  ["a folder that carries data", [{ name: "d/", type: "5", body: "data" }], /carries data/],
  ["a sparse map outside its file", [{ name: "x", body: "abc", pax: sparse("8,3", 10) }], /outside the file/],
  ["a sparse map over itself", [{ name: "x", body: "abcd", pax: sparse("2,2,3,2", 10) }], /over itself/],
  ["a sparse map larger than its body", [{ name: "x", body: "abc", pax: sparse("0,4", 10) }], /differ in size/],
  ["a sparse map that overflows", [{ name: "x", pax: sparse("1,18446744073709551615", 10) }], /outside the file/],
  ["a sparse map of words", [{ name: "x", pax: sparse("1,x", 10) }], /no number/],
  ["a sparse file beyond the cap", [{ name: "x", pax: sparse("", 2 ** 52) }], /exceed/],
  ["a sparse folder", [{ name: "x/", type: "5", pax: sparse("", 1) }], /not a regular file/],
  ["a sparse file of an unknown format", [{ name: "x", pax: { "GNU.sparse.major": "2" } }], /format is unknown/],
  ["a sparse file without a size", [{ name: "x", pax: { "GNU.sparse.map": "0,0" } }], /no file size/],
  [
    "a sparse map that never ends",
    [{ name: "x", body: "9".repeat(600), pax: { "GNU.sparse.major": "1", "GNU.sparse.realsize": "1" } }],
    /no list of numbers/,
  ],
  [
    "a sparse map longer than its body",
    [{ name: "x", body: "9\n", pax: { "GNU.sparse.major": "1", "GNU.sparse.realsize": "1" } }],
    /longer than its body|differ/,
  ],
  ["a sparse file in star's format", [{ name: "x", pax: { "SCHILY.realsize": "1" } }], /sparse/],
  ["an unknown type", [{ name: "x", type: "Z" }], /type "Z"/],
  ["a capability that is none", [{ name: "x", pax: { "SCHILY.xattr.security.capability": "bad" } }], /setxattr/],
  ["too many entries", [file, file, file], /more than 2 entries/, { maxEntries: 2 }],
  ["too many bytes", [{ name: "big", body: "x".repeat(2000) }], /"big".*exceed 1000 bytes/, { maxBytes: 1000 }],
  ["a gzip bomb", gzipSync(tarOf([{ name: "x", body: bomb }])), /allowed multiple/, {}, "gzip"],
  ["a truncated body", whole.subarray(0, 1500), /middle of an entry/],
  ["a truncated header", whole.subarray(0, 300), /middle of a header/],
  ["no end-of-archive marker", tarOf([file], { end: false }), /end-of-archive/],
  ["an empty file", Buffer.alloc(0), /truncated/],
  ["a truncated gzip stream", gzipSync(whole).subarray(0, -10), /truncated/, {}, "gzip"],
  ["a damaged gzip stream", Buffer.concat([gzipSync(whole).subarray(0, -8), Buffer.alloc(8)]), /corrupt/, {}, "gzip"],
  [
    "rubbish after a gzip stream",
    Buffer.concat([gzipSync(whole), Buffer.from("rubbish")]),
    /after the end/,
    {},
    "gzip",
  ],
  ["a zstd window of 128 MiB", zstdFrameOfWindow(whole, 27), /window of more than 64 MiB/, {}, "zstd"],
  ["a truncated zstd stream", zstdFrame(whole).subarray(0, -10), /truncated/, {}, "zstd"],
  ["a name of 8 GiB", [{ name: "L", type: "L", size: 8 * 1024 ** 3 - 1 }, file], /too large/],
  ["a size of 8 EiB", sized(Buffer.from("8000000000000000ffffffff", "hex")), /out of range|exceed/],
  ["a size beyond 64 bits", sized(Buffer.from("80ffffffffffffffffffffff", "hex")), /out of range/],
  ["a negative size", sized(Buffer.from("ffffffffffffffffffffff00", "hex")), /negative/],
  ["a size with rubbish", sized(Buffer.from("0000001x0000")), /no number/],
  ["ten million entries", tenMillion, /more than 20000 entries/, { maxEntries: 20_000, maxRatio: 1e9 }, "gzip"],
  ["a damaged header", Buffer.concat([Buffer.from("X"), whole.subarray(1)]), /checksum/],
  ["data after the end", Buffer.concat([whole, Buffer.from("x")]), /after the end/],
  ["no archive at all", Buffer.from("no archive".repeat(100)), /not a tar archive|no number/],
];

for (const [what, archive, says, limits, compression] of refused) {
  test(`refused: ${what}`, async () => {
    const error = await failure(
      archive instanceof Uint8Array ? archive : tarOf(archive),
      compression ?? "none",
      limits,
    );
    assert.match(error.message, says);
    assert.ok(error.step !== "", "the step is told");
    assert.is(readFileSync(join(folder, "secret"), "utf8"), "untouched");
    assert.equal(readdirSync(folder).sort(), ["layer.tar", "root", "secret"]);
  });
}

test("writing through a symlink stays inside the root", async () => {
  await unpack(
    tarOf([
      { name: "out", type: "2", link: folder },
      { name: `${folder.slice(1)}/`, type: "5", mode: 0o755 },
      { name: "out/secret", body: "written" },
    ]),
    "none",
  );
  assert.is(readFileSync(join(folder, "secret"), "utf8"), "untouched");
  assert.is(readFileSync(join(root, folder, "secret"), "utf8"), "written");
});

test("a file over a symlink replaces the link, not its target", async () => {
  await unpack(
    tarOf([
      { name: "s", type: "2", link: `${folder}/secret` },
      { name: "s", body: "own" },
    ]),
    "none",
  );
  assert.is(readFileSync(join(root, "s"), "utf8"), "own");
  assert.is(readFileSync(join(folder, "secret"), "utf8"), "untouched");
});

test("a chain of symlinks upwards ends at the root", async () => {
  await unpack(
    tarOf([
      { name: "a", type: "2", link: "b" },
      { name: "b", type: "2", link: "c/../../.." },
      { name: "c", type: "2", link: "/d" },
      { name: "d/", type: "5" },
      { name: "d/up", type: "2", link: "../../../.." },
      { name: "a/secret", body: "inside" },
      { name: "d/up/second", body: "inside" },
      { name: "d/up/../d/up/third", pax: { path: "d/up/d/up/third" }, body: "inside" },
    ]),
    "none",
  );
  for (const name of ["secret", "second", "third"]) assert.is(readFileSync(join(root, name), "utf8"), "inside");
  assert.is(readFileSync(join(folder, "secret"), "utf8"), "untouched");
});

test("names that look alike stay two files", async () => {
  const names = ["caf\u00e9", "cafe\u0301", "CAF\u00c9", "\uff0e\uff0e", "a\u2044b"];
  await unpack(tarOf(names.map((name) => ({ name: "x", body: name, pax: { path: utf8(name) } }))), "none");
  assert.equal(readdirSync(root).sort(), [...names].sort());
  for (const name of names) assert.is(readFileSync(join(root, name), "utf8"), name);
});

test("an absolute name means the root of the layer", async () => {
  await unpack(tarOf([{ name: `${folder}/secret`, body: "inside" }]), "none");
  assert.is(readFileSync(join(root, folder, "secret"), "utf8"), "inside");
  assert.is(readFileSync(join(folder, "secret"), "utf8"), "untouched");
});

test("overlayfs's own attributes and devices are dropped", async () => {
  await unpack(
    tarOf([
      {
        name: "d/",
        type: "5",
        pax: { "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.overlay.opaque": "y" },
      },
      { name: "f", body: "x", pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.kept": "1" } },
      { name: "whiteout", type: "3", major: 0, minor: 0 },
    ]),
    "none",
  );
  assert.is(native().getXattr(join(root, "d"), "trusted.overlay.opaque"), undefined);
  assert.is(native().getXattr(join(root, "d"), "user.overlay.opaque"), undefined);
  assert.is(native().getXattr(join(root, "f"), "trusted.overlay.redirect"), undefined);
  assert.is(native().getXattr(join(root, "f"), "user.kept")?.toString(), "1");
  assert.equal(readdirSync(root).sort(), ["d", "f"]);
});

test("a source that is no regular file is refused", async () => {
  const options = {
    source: "/dev/zero",
    target: root,
    compression: "none",
    maxEntries: 1,
    maxBytes: 1,
    maxRatio: 1,
    hashSource: true,
    threads: 2,
  } as const;
  const error = await native()
    .unpackLayer(options)
    .then(
      () => undefined,
      (thrown: Error) => thrown,
    );
  assert.match(error?.message ?? "", /not a regular file/);
});

test("every truncation of an archive is an error and never a crash", async () => {
  const tar = tarOf([
    { name: "d/", type: "5" },
    { name: "d/f", body: "x".repeat(600), pax: { mtime: "1.5" } },
  ]);
  for (let size = 0; size <= tar.length - 1024; size += 128) {
    await failure(tar.subarray(0, size), "none");
  }
});

test.run();

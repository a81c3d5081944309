import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native, type UnpackOptions } from "../../src/native.js";

const test = suite("unpackLayer: the same as GNU tar");
const xattrNames = ["user.note", "user.empty", "security.capability", "trusted.mark"];
/** The sanitizers' runtime belongs to node alone: they stop dd and tar for what those may do. */
const { LD_PRELOAD: _, ...env } = process.env;
let folder: string;

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-same-"));
  execFileSync("bash", ["-euo", "pipefail", "-c", makeTree, "bash", join(folder, "tree")], { env });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** One of everything that a layer may hold. */
const makeTree = `
  mkdir -m 755 "$1" && cd "$1"
  mkdir -p deep/er/est many empty sticky
  chmod 1777 sticky && chmod 2755 deep/er && chmod 700 empty
  printf hello >plain && printf tool >tool && chmod 4755 tool && chown 12:34 tool
  head -c 3000000 /dev/urandom >large && : >nothing && chmod 000 nothing
  ln plain many/hard && ln plain deep/er/hard2 && ln tool many/setuid-too
  ln -s ../plain many/soft && ln -s /absolute/target absolute && ln -s nowhere dangling && ln -s deep/er short
  chown -h 56:78 many/soft
  mkfifo pipe && mknod null c 1 3 && mknod disk b 8 1 && chmod 640 disk && chown 0:6 disk
  ln pipe many/pipe-too && ln absolute many/absolute-too
  long=$(printf 'n%.0s' {1..150}) && mkdir -p "$long/$long" && echo x >"$long/$long/$long" && ln -s "$long/$long" long-link
  printf x >"$(printf 'caf\\xc3\\xa9')" && printf y >"$(printf 'cafe\\xcc\\x81')" && printf z >"$(printf 'bad\\xff name\\n')"
  truncate -s 5M sparse && printf begin | dd of=sparse conv=notrunc status=none
  printf middle | dd of=sparse bs=1 seek=2000000 conv=notrunc status=none
  truncate -s 1M hole
  setcap cap_net_raw+ep large
  chown 4000000000:4000000001 nothing
  python3 - <<'PY'
import os
with open("holes", "wb") as file:
  for i in range(60):
    file.seek(i * 100000)
    file.write(b"%d" % i)
for i in range(100):
  with open("many/file-%d" % i, "w") as file: file.write(str(i))
os.setxattr("plain", "user.note", b"a\\0b\\n")
os.setxattr("plain", "user.empty", b"")
os.setxattr("deep", "trusted.mark", b"1")
for count, (folder, folders, files) in enumerate(os.walk(b".", topdown=False)):
  for name in files + folders + [b"."]:
    time = hash(name) % 1600000000 * 1000000000 + count * 7919 + 1
    os.utime(os.path.join(folder, name), ns=(0, time), follow_symlinks=False)
os.utime("plain", ns=(0, -1000000250000000))
PY
`;

type Tree = Record<string, Record<string, unknown>>;

/** What is not alike, one line an attribute. */
function differences(ours: Tree, theirs: Tree): string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((name) => {
    const [one, other] = [ours[name] ?? {}, theirs[name] ?? {}];
    return [...new Set([...Object.keys(one), ...Object.keys(other)])]
      .filter((key) => one[key] !== other[key])
      .map((key) => `${name}: ${key} ${String(one[key])}, not ${String(other[key])}`);
  });
}

/** Everything that is told of an entry; hard links by the first name of the same file. */
function describe(root: string): Tree {
  const firstNames = new Map<bigint, string>();
  const entries: Tree = {};
  // Names that are no UTF-8 must not be changed on the way.
  const pending = [""];
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    const path = Buffer.from(`${root}${name}`, "latin1");
    const stats = lstatSync(path, { bigint: true });
    if (stats.isDirectory())
      pending.push(
        ...readdirSync(path, "latin1")
          .sort()
          .map((child) => `${name}/${child}`),
      );
    const first = firstNames.get(stats.ino);
    if (first === undefined) firstNames.set(stats.ino, name);
    entries[name] = { ...attributesOf(stats), ...contentOf(path, stats), ...xattrsOf(path), sameAs: first ?? name };
  }
  return entries;
}

function attributesOf(stats: BigIntStats) {
  const { mode, uid, gid, mtimeNs, rdev } = stats;
  return { mode, uid, gid, mtimeNs, rdev, ...(stats.isDirectory() ? {} : { size: stats.size, links: stats.nlink }) };
}

function contentOf(path: Buffer, stats: BigIntStats) {
  if (stats.isSymbolicLink()) return { target: readlinkSync(path, "latin1") };
  return stats.isFile() ? { content: createHash("sha256").update(readFileSync(path)).digest("hex") } : {};
}

function xattrsOf(path: Buffer) {
  const text = path.toString("utf8");
  if (!Buffer.from(text).equals(path)) return {};
  return Object.fromEntries(xattrNames.map((name) => [name, native().getXattr(text, name)?.toString("hex")]));
}

async function both(source: string, compression: UnpackOptions["compression"]): Promise<[Tree, Tree]> {
  const scratch = mkdtempSync(join(folder, "both-"));
  const [ours, theirs] = [join(scratch, "ours"), join(scratch, "theirs")];
  mkdirSync(ours);
  mkdirSync(theirs);
  const limits = { maxEntries: 1e6, maxBytes: 1e10, maxRatio: 1e6, hashSource: true, threads: 3 };
  await native().unpackLayer({ source, target: ours, compression, ...limits });
  execFileSync("tar", [...asLayer, "-C", theirs, "-xf", source], { env });
  const described: [Tree, Tree] = [describe(ours), describe(theirs)];
  rmSync(scratch, { recursive: true });
  return described;
}

const asLayer = [
  "--xattrs",
  "--xattrs-include=*",
  "--numeric-owner",
  "--same-owner",
  "-p",
  "--delay-directory-restore",
];

/** What GNU tar writes, and whether that form can hold all of the tree. */
const forms: [what: string, args: string[], exclude?: string[]][] = [
  ["GNU", ["--format=gnu"]],
  ["GNU, sparse", ["--format=gnu", "--sparse"]],
  ["PAX with extended attributes", ["--format=posix", "--xattrs", "--xattrs-include=*"]],
  ["PAX, sparse 0.0", ["--format=posix", "--sparse", "--sparse-version=0.0"]],
  ["PAX, sparse 0.1", ["--format=posix", "--sparse", "--sparse-version=0.1"]],
  ["PAX, sparse 1.0", ["--format=posix", "--sparse", "--sparse-version=1.0", "--xattrs", "--xattrs-include=*"]],
  // No room for long names, large ids and times before 1970.
  ["ustar", ["--format=ustar"], ["./nnn*", "./long-link", "./nothing", "./plain", "./many/hard", "./deep/er/hard2"]],
];

for (const [what, args, exclude = []] of forms) {
  test(`${what}: every entry, attribute by attribute`, async () => {
    const source = join(folder, "layer.tar");
    const left = exclude.map((name) => `--exclude=${name}`);
    execFileSync("tar", [...args, "--numeric-owner", ...left, "-C", join(folder, "tree"), "-cf", source, "."], { env });
    const [ours, theirs] = await both(source, "none");
    assert.ok(Object.keys(ours).length > 120, "the tree is there");
    assert.equal(differences(ours, theirs), []);
  });
}

test("folders of this host, by gzip and zstd", async () => {
  for (const [compression, flag, home] of [
    ["gzip", "-z", "/usr/include/linux"],
    ["zstd", "--zstd", "/etc"],
  ] as const) {
    const source = join(folder, `host.${compression}`);
    execFileSync("tar", [flag, "--numeric-owner", "-C", home, "-cf", source, "."], { env, stdio: "ignore" });
    const [ours, theirs] = await both(source, compression);
    assert.equal(differences(ours, theirs), []);
  }
});

test.run();

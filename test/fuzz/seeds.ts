import { gzipSync } from "node:zlib";
import { type FixtureEntry, tarOf, zstdFrame } from "../unpack/tar-fixture.js";

export type Target = "parse" | "unpack";

/** One archive for each thing that the parser or the writer treats in a way of its own. */
const archives: Record<string, FixtureEntry[]> = {
  plain: [
    { name: "d/", type: "5", mode: 0o755 },
    { name: "d/file", body: "body" },
    { name: "d/hard", type: "1", link: "d/file" },
    { name: "d/soft", type: "2", link: "../secret" },
    { name: "d/soft/below", body: "through" },
  ],
  nodes: [
    { name: "pipe", type: "6" },
    { name: "null", type: "3", major: 1, minor: 3 },
    { name: "whiteout", type: "3" },
    { name: "disk", type: "4", major: 8, minor: 1 },
  ],
  whiteouts: [
    { name: "a/.wh.gone" },
    { name: "b/.wh..wh..opq" },
    { name: ".wh.below" },
    { name: "below/file", body: "x" },
    { name: ".wh.file" },
    { name: "file", body: "x" },
  ],
  replacing: [
    { name: "x/", type: "5" },
    { name: "x/inner", body: "1" },
    { name: "x", body: "file" },
    { name: "x", type: "2", link: "." },
    { name: "x/y", body: "2" },
  ],
  escaping: [
    { name: "out", type: "2", link: "../../.." },
    { name: "out/secret", body: "x" },
    { name: "/secret", body: "x" },
    { name: "../secret", body: "x" },
  ],
  pax: [
    {
      name: "short",
      body: "1",
      pax: {
        path: "long/name",
        mtime: "1500000000.123456789",
        size: "1",
        uid: "5",
        "SCHILY.xattr.user.note": "a b",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
      },
    },
  ],
  gnu: [
    { name: "././@LongLink", type: "L", body: `${"n".repeat(150)}\0`, magic: "gnu" },
    { name: "n", body: "1", magic: "gnu" },
    { name: "././@LongLink", type: "K", body: "target\0", magic: "gnu" },
    { name: "ln", type: "2", magic: "gnu" },
    { name: "holes", type: "S", magic: "gnu" },
  ],
  sparse: [
    { name: "one", body: "abcd", pax: { "GNU.sparse.map": "0,2,8,2", "GNU.sparse.size": "20" } },
    {
      name: "two",
      body: `2\n0\n2\n8\n2\n${"\0".repeat(502)}abcd`,
      pax: {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "20",
        "GNU.sparse.name": "named",
      },
    },
  ],
};

/** A small corpus to start from, by file name. */
export function seedsOf(target: Target): Record<string, Uint8Array> {
  const tars = Object.entries(archives).map(([name, entries]) => [name, tarOf(entries)] as const);
  if (target === "unpack") return Object.fromEntries(tars);
  // The first byte says how to read the others (parse.cc).
  const seeds = tars.flatMap(([name, tar]) => [
    [name, Buffer.concat([Buffer.of(0), tar])] as const,
    [`${name}.gz`, Buffer.concat([Buffer.of(1), gzipSync(tar.subarray(0, 512)), gzipSync(tar.subarray(512))])] as const,
    [`${name}.zst`, Buffer.concat([Buffer.of(2), zstdFrame(tar)])] as const,
  ]);
  return Object.fromEntries(seeds);
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../harness/question.js";
import type { Subject } from "../harness/rounds.js";
import { findCommand, notInstalled, output } from "../peers/command.js";
import { inFreshFolder } from "./fresh-folder.js";
import { type BenchImage, type Compression, layerPaths } from "./image.js";
import { timed, type Unpacking } from "./run.js";

interface Peer {
  key: string;
  does: string;
  /** What tells its version; without it, the peer is part of this process's own packages. */
  version?: string[];
  unpacks: Compression[];
  commands(folder: string, image: BenchImage): string[][];
}

const child = (name: string): string => new URL(`./${name}.js`, import.meta.url).pathname;
/** node-tar leaves zstd to Node, which has it since 22.15. */
const nodeHasZstd = "zstd" in process.versions;

const peers: Peer[] = [
  {
    key: "granule",
    does: "layers side by side, overlayfs form, digest and diffID of each",
    unpacks: ["gzip", "zstd"],
    commands: (folder, image) => [[process.execPath, child("granule-child"), folder, ...layerPaths(image)]],
  },
  {
    key: "node-tar",
    does: "tar.x as it comes: no whiteouts, owners, devices, xattrs, digests",
    unpacks: nodeHasZstd ? ["gzip", "zstd"] : ["gzip"],
    commands: (folder, image) => [[process.execPath, child("node-tar-child"), folder, ...layerPaths(image)]],
  },
  {
    key: "bsdtar",
    does: "-xp: no whiteouts, no digests",
    version: ["bsdtar", "--version"],
    unpacks: ["gzip", "zstd"],
    commands: (folder, image) => layerPaths(image).map((layer) => ["bsdtar", "-xpf", layer, "-C", folder]),
  },
  {
    key: "tar",
    does: "-xp, which starts gzip or zstd: no whiteouts, no digests",
    version: ["tar", "--version"],
    unpacks: ["gzip", "zstd"],
    commands: (folder, image) => layerPaths(image).map((layer) => ["tar", "-xpf", layer, "-C", folder]),
  },
  {
    key: "umoci",
    does: "unpack: whiteouts, digests, and a list of all files with their digests",
    version: ["umoci", "--version"],
    // 0.4 knows gzip alone.
    unpacks: ["gzip"],
    commands: (folder, { layout }) => [["umoci", "unpack", "--image", `${layout}:bench`, join(folder, "bundle")]],
  },
  {
    key: "skopeo",
    does: "copy to containers-storage: overlayfs form, digests, and what is needed to make the layers again",
    version: ["skopeo", "--version"],
    unpacks: ["gzip", "zstd"],
    commands(folder, { layout }) {
      const store = `containers-storage:[overlay@${join(folder, "graph")}+${join(folder, "run")}]bench:latest`;
      return [["skopeo", "copy", "--quiet", "--insecure-policy", `oci:${layout}:bench`, store]];
    },
  },
];

/** What unpacks layers of this compression here. */
export async function unpackers(
  bench: Bench,
  compression: Compression,
  image: BenchImage,
): Promise<Subject<Unpacking>[]> {
  const subjects: Subject<Unpacking>[] = [];
  for (const peer of peers) {
    const name = await nameOf(peer);
    if (name === undefined) bench.missing(notInstalled(peer.key));
    else if (!peer.unpacks.includes(compression)) bench.note(`${name} does not unpack ${compression} here.`);
    else subjects.push(subjectOf(bench, peer, name, image));
  }
  return subjects;
}

async function nameOf({ key, version }: Peer): Promise<string | undefined> {
  const [command, ...args] = version ?? [];
  if (command === undefined) return key;
  if (findCommand(command) === undefined) return undefined;
  return `${key} ${/\d+(\.\d+)+/.exec(await output(command, args))?.[0] ?? ""}`.trimEnd();
}

function subjectOf(bench: Bench, peer: Peer, name: string, image: BenchImage): Subject<Unpacking> {
  return {
    key: peer.key,
    name,
    does: peer.does,
    async batch(count) {
      const values: Unpacking[] = [];
      for (let i = 0; i < count; i++) {
        values.push(
          await inFreshFolder(bench.folder, async (disk) => {
            const folder = join(disk, "unpacked");
            mkdirSync(folder);
            return await timed(peer.commands(folder, image));
          }),
        );
      }
      return values;
    },
  };
}

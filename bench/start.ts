import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Distribution, distribution } from "./distribution.js";
import { machine } from "./machine.js";
import { barePeer } from "./peers/bare.js";
import { bubblewrapPeer } from "./peers/bubblewrap.js";
import { granulePeer } from "./peers/granule.js";
import { ociPeer } from "./peers/oci.js";
import type { Peer, PeerHost } from "./peers/peer.js";
import { enterPrivateHost } from "./private-host.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const installed = join(root, "build/peers");
const peerNames = ["crun", "runc", "bwrap"] as const;
/** Starts in a row by one peer before the next has its turn, so that a slow minute of the host meets all. */
const batchSize = 10;
const warmUps = 3;

interface Row extends Distribution {
  name: string;
  /** p50 as a multiple of the first crun's, or where there is none of the first row's. */
  ratio: number;
}

/** How long is it from the call in JavaScript to the first instruction of the container? */
export async function benchStart(args: string[]): Promise<void> {
  const { values: options } = parseArgs({
    args,
    options: {
      peers: { type: "string", default: peerNames.join(",") },
      n: { type: "string", default: "200" },
      "install-peers": { type: "boolean", default: false },
      folder: { type: "string", default: tmpdir() },
    },
  });
  const count = Number(options.n);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--n: not a whole number of starts: ${options.n}`);
  if (!enterPrivateHost()) return;
  if (options["install-peers"]) execFileSync(join(root, "bench/peers/install"), [installed], { stdio: "inherit" });

  const host = prepare(options.folder);
  const peers: Peer[] = [];
  try {
    peers.push(barePeer(host), await granulePeer(host));
    for (const name of options.peers.split(",").filter((text) => text !== "")) {
      const peer = await openPeer(name, host);
      if (peer === undefined) process.stdout.write(`not installed, and so not measured: ${name}\n`);
      else peers.push(peer);
    }
    report(await measure(peers, count));
  } finally {
    for (const peer of peers) await peer.close();
    rmSync(host.folder, { recursive: true });
  }
}

async function openPeer(name: string, host: PeerHost): Promise<Peer | undefined> {
  if (name === "crun" || name === "runc") return ociPeer(name, host);
  if (name === "bwrap") return bubblewrapPeer(host);
  throw new Error(`--peers: ${name} is not one of ${peerNames.join(", ")}`);
}

/** Compiles the payload and lays out the root file system that all share. */
function prepare(parent: string): PeerHost {
  const folder = mkdtempSync(join(parent, "granule-bench-"));
  const rootfs = join(folder, "rootfs");
  for (const name of ["dev", "proc", "sys", "etc", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  // The payload's root is not what is asked about, but a container whose root is 0700 would differ between peers.
  chmodSync(rootfs, 0o755);
  const payload = join(root, "bench/payload");
  const spawnLoop = join(folder, "spawn-loop");
  const stamp = join(folder, "stamp");
  execFileSync("cc", ["-O2", "-static", "-nostdlib", "-fno-stack-protector", "-o", stamp, join(payload, "stamp.c")]);
  execFileSync("cc", ["-O2", "-o", spawnLoop, join(payload, "spawn-loop.c")]);
  cpSync(stamp, join(rootfs, "stamp"));
  return { folder, rootfs, spawnLoop, installed };
}

async function measure(peers: Peer[], count: number): Promise<Map<Peer, number[]>> {
  const figures = new Map<Peer, number[]>(peers.map((peer) => [peer, []]));
  for (const peer of peers) await peer.batch(warmUps);
  for (let done = 0; done < count; done += batchSize) {
    for (const [peer, all] of figures) all.push(...(await peer.batch(Math.min(batchSize, count - done))));
  }
  return figures;
}

function report(figures: Map<Peer, number[]>): void {
  const shapes = [...figures].map(([peer, all]) => ({ name: peer.name, ...distribution(all) }));
  const reference = shapes.find((shape) => shape.name.startsWith("crun")) ?? shapes[0];
  if (reference === undefined) return;
  const rows: Row[] = shapes.map((shape) => ({ ...shape, ratio: shape.p50 / reference.p50 }));
  const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(2).padStart(8);
  process.stdout.write(
    `\n${"call to first instruction, ms".padEnd(30)}     min     p50     p90     p99  x ${reference.name}\n`,
  );
  for (const row of rows) {
    const columns = [row.min, row.p50, row.p90, row.p99].map(ms).join("");
    process.stdout.write(`${row.name.padEnd(30)}${columns}  ${row.ratio.toFixed(3)}\n`);
  }
  const results = join(root, "bench-results");
  mkdirSync(results, { recursive: true });
  const file = join(results, `start-${new Date().toISOString().replaceAll(":", "-")}.json`);
  const result = { question: "start", unit: "ns", machine: machine(), reference: reference.name, rows };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`\n${file}\n`);
}

import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { detectCgroupHost } from "../../src/cgroup/host.js";
import { GranuleError } from "../../src/errors.js";
import { payloadPath } from "../harness/paths.js";
import type { Bench } from "../harness/question.js";
import { bubblewrapPeer } from "./bubblewrap.js";
import { ociPeer } from "./oci.js";
import { isMissing, type OpenPeer, type Peer, type PeerHost, payload, type Root } from "./peer.js";
import { podmanPeer } from "./podman.js";

const openers: Record<string, (root: Root) => OpenPeer> = {
  crun: (root) => ociPeer("crun", root),
  runc: (root) => ociPeer("runc", root),
  bwrap: bubblewrapPeer,
  podman: podmanPeer,
};

/** Every peer that can be asked for, in the order of the report. */
export const peerNames: readonly string[] = Object.keys(openers);

/** Lays out the root file system that all share. */
export function prepareHost(bench: Bench): PeerHost {
  if (!existsSync(payloadPath)) {
    throw new GranuleError("UNAVAILABLE", "the program that the containers run is not built", {
      path: payloadPath,
      hint: "run `npm run setup` in a clone of the repository, which needs a C compiler",
    });
  }
  const rootfs = join(bench.folder, "rootfs");
  for (const name of ["dev", "proc", "sys", "etc", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  // The payload's root is not what is asked about, but a container whose root is 0700 would differ between peers.
  chmodSync(rootfs, 0o755);
  copyFileSync(payloadPath, join(rootfs, payload));
  return { bench, folder: bench.folder, rootfs, limits: limitsHere() };
}

/** The same limits for all, where cgroup v2 can enforce them: OCI runtimes are not asked on v1. */
function limitsHere(): PeerHost["limits"] {
  const { bindings } = detectCgroupHost();
  const limits: PeerHost["limits"] = {};
  if (bindings.cpu.version === "v2") limits.cpus = 1;
  if (bindings.memory.version === "v2") limits.memory = 256 * 2 ** 20;
  if (bindings.pids.version === "v2") limits.pids = 64;
  return limits;
}

/** A peer that has the method. */
export type Able<Capability extends keyof Peer> = Peer & Required<Pick<Peer, Capability>>;

/**
 * Opens the peers that were asked for and that have a capability. One that is not here is named as missing, and none is
 * left open when the question is over.
 */
export async function openPeers<Capability extends keyof Peer>(
  host: PeerHost,
  capability: Capability,
  { root = "inside", only }: { root?: Root; only?: string[] } = {},
): Promise<Able<Capability>[]> {
  const peers: Able<Capability>[] = [];
  for (const name of host.bench.options.peers.filter((each) => only?.includes(each) ?? true)) {
    const open = openers[name];
    if (open === undefined)
      throw new GranuleError("INVALID_ARGUMENT", `--peers: ${name} is not one of ${peerNames.join(", ")}`);
    const peer = await open(root)(host);
    if (isMissing(peer)) {
      host.bench.missing(peer);
      continue;
    }
    host.bench.defer(() => peer.close());
    if (!can(peer, capability)) continue;
    const failure = await trial(peer);
    if (failure === undefined) peers.push(peer);
    else host.bench.missing({ subject: peer.name, reason: `a first container failed: ${failure}` });
  }
  return peers;
}

/** One container, for nothing: a peer that this host or its version keeps from running is no reason not to ask the others. */
async function trial(peer: Peer): Promise<string | undefined> {
  try {
    await peer.starts?.(1);
    return undefined;
  } catch (thrown) {
    const [command = ""] = GranuleError.from(thrown).message.split("\n");
    return command.slice(command.indexOf("ended with"));
  }
}

function can<Capability extends keyof Peer>(peer: Peer, capability: Capability): peer is Able<Capability> {
  return peer[capability] !== undefined;
}

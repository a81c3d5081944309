import { join } from "node:path";
import { timedStarts } from "./command.js";
import type { Peer, PeerHost } from "./peer.js";

/** No container at all: what spawning and the payload cost by themselves. */
export function barePeer(host: PeerHost): Peer {
  return {
    name: "spawn alone",
    batch: (count) => timedStarts(host.spawnLoop, count, [join(host.rootfs, "stamp")]),
    async close() {},
  };
}

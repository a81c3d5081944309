import { join } from "node:path";
import { SpawnLoop } from "./command.js";
import { type Peer, type PeerHost, payload } from "./peer.js";

/** No container at all: what spawning and the payload cost by themselves. */
export async function barePeer(host: PeerHost): Promise<Peer> {
  const loop = new SpawnLoop(host, "plain");
  const command = [join(host.rootfs, payload), "stamp"];
  return {
    key: "spawn",
    name: "spawn alone",
    does: "posix_spawn and wait: no container at all",
    starts: (count) => loop.starts(count, command),
    parallel: (count, lanes) => loop.parallel(count, lanes, command),
    async close() {},
  };
}

import { findCommand, output, timedStarts } from "./command.js";
import type { Peer, PeerHost } from "./peer.js";

/** bubblewrap: namespaces and mounts alone, without cgroup, masks, device filter or system call filter. */
export async function bubblewrapPeer(host: PeerHost): Promise<Peer | undefined> {
  const command = findCommand("bwrap", host.installed);
  if (command === undefined) return undefined;
  const version = (await output(command, ["--version"])).trim().replace("bubblewrap ", "");
  const sandbox = [
    "--unshare-all",
    "--bind",
    host.rootfs,
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--cap-drop",
    "ALL",
  ];
  return {
    name: `bwrap ${version}`,
    batch: (count) => timedStarts(host.spawnLoop, count, [command, ...sandbox, "/stamp"]),
    async close() {},
  };
}

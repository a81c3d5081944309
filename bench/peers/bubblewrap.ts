import { findCommand, notInstalled, output, SpawnLoop } from "./command.js";
import { type OpenPeer, type Peer, payload, type Root, rootText } from "./peer.js";

/** bubblewrap: namespaces and mounts alone. */
export const bubblewrapPeer =
  (root: Root): OpenPeer =>
  async (host) => {
    const command = findCommand("bwrap");
    if (command === undefined) return notInstalled("bwrap");
    const version = (await output(command, ["--version"])).trim().replace("bubblewrap ", "");
    const loop = new SpawnLoop(host, root);
    const run = [command, "--unshare-all", "--bind", loop.rootfs, "/", "--proc", "/proc", "--dev", "/dev"];
    run.push("--cap-drop", "ALL", payload, "stamp");
    const peer: Peer = {
      key: root === "inside" ? "bwrap" : `bwrap-${root}`,
      name: `bwrap ${version}${root === "inside" ? "" : `, ${root}`}`,
      does: `namespaces, its user namespace included, and mounts; no cgroup, masks, device filter, seccomp, log or record of the exit; ${rootText[root]}`,
      starts: (count) => loop.starts(count, run),
      parallel: (count, lanes) => loop.parallel(count, lanes, run),
      async close() {},
    };
    return peer;
  };

import { join } from "node:path";
import { findCommand, notInstalled, output, SpawnLoop } from "./command.js";
import { type OpenPeer, type Peer, payload, type Root } from "./peer.js";

/** podman with whatever OCI runtime it is set up for; it mounts the overlay itself. */
export const podmanPeer =
  (_root: Root): OpenPeer =>
  async (host) => {
    const command = findCommand("podman");
    if (command === undefined) return notInstalled("podman");
    const version = (await output(command, ["--version"])).trim().replace("podman version ", "");
    const loop = new SpawnLoop(host, "plain");
    const storage = ["--root", join(host.folder, "podman"), "--runroot", join(host.folder, "podman-run")];
    const run = [command, ...storage, "--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none"];
    run.push("--log-driver", "k8s-file", "--rootfs", `${host.rootfs}:O`, payload, "stamp");
    // It may be installed and yet not work here, such as without its monitor.
    const failure = await loop.starts(1, run).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    );
    if (failure !== undefined) return { subject: "podman", reason: `it does not run here: ${failure}` };
    const peer: Peer = {
      key: "podman",
      name: `podman ${version}`,
      does: "its own default spec; overlay root, log by conmon, record of the exit, database",
      starts: (count) => loop.starts(count, run),
      parallel: (count, lanes) => loop.parallel(count, lanes, run),
      async close() {},
    };
    return peer;
  };

import { existsSync } from "node:fs";
import { join } from "node:path";
import { peersFolder } from "../harness/paths.js";
import { clearCgroup } from "./cgroup.js";
import { findCommand, notInstalled, output, SpawnLoop } from "./command.js";
import { type OpenPeer, type Peer, type PeerHost, payload } from "./peer.js";

/** Low enough that no hard limit has to be raised, which is refused where CAP_SYS_RESOURCE is missing. */
const ulimits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

/** It may be installed and yet not work here: where its monitor cannot call it back, each run waits for a time limit. */
const slowestNs = 10e9;

/** podman with its own defaults, on the crun that is asked as well; it mounts the overlay itself. */
export const podmanPeer = (): OpenPeer => async (host) => {
  const command = findCommand("podman");
  if (command === undefined) return notInstalled("podman");
  const configuration = join(peersFolder, "containers.conf");
  if (command.startsWith(peersFolder) && existsSync(configuration)) process.env["CONTAINERS_CONF"] = configuration;
  const version = (await output(command, ["--version"])).trim().replace("podman version ", "");
  const loop = new SpawnLoop(host, "plain");
  const cgroup = `/granule-bench-podman-${process.pid}`;
  const run = [command, ...globals(host), "run", "--rm", "--network", "none", "--cgroup-parent", cgroup, ...ulimits];
  run.push(...limits(host), "--log-driver", "k8s-file", "--rootfs", `${host.rootfs}:O`, payload, "stamp");
  const failure = await loop.starts(1, run).then(
    ([first]) => ((first?.exitSeenNs ?? 0) > slowestNs ? "one run took more than 10 s" : undefined),
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  );
  if (failure !== undefined) {
    await clearCgroup(cgroup);
    return { subject: "podman", reason: `it does not run here: ${failure}` };
  }
  const peer: Peer = {
    key: "podman",
    name: `podman ${version}`,
    does: "its own default spec on crun; overlay root, log by conmon, record of the exit, database",
    starts: (count) => loop.starts(count, run),
    parallel: (count, lanes) => loop.parallel(count, lanes, run),
    close: () => clearCgroup(cgroup),
  };
  return peer;
};

function globals(host: PeerHost): string[] {
  const folder = (name: string): string => join(host.folder, name);
  const runtime = findCommand("crun");
  return [
    "--root",
    folder("podman"),
    "--runroot",
    folder("podman-run"),
    "--tmpdir",
    folder("podman-tmp"),
    "--cgroup-manager",
    "cgroupfs",
    ...(runtime === undefined ? [] : ["--runtime", runtime]),
  ];
}

/** The same limits as all; its own default of processes would need a controller that may be missing. */
function limits({ limits: { cpus, memory, pids } }: PeerHost): string[] {
  return [
    "--pids-limit",
    String(pids ?? 0),
    ...(cpus === undefined ? [] : ["--cpus", String(cpus)]),
    ...(memory === undefined ? [] : ["--memory", String(memory), "--memory-swap", String(memory)]),
  ];
}

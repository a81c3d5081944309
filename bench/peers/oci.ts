import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildContainerSpec } from "../../src/spec/container-spec.js";
import { findCommand, output, timedStarts } from "./command.js";
import { ociSeccomp } from "./oci-seccomp.js";
import type { Peer, PeerHost } from "./peer.js";

/**
 * An OCI runtime on the command line (crun, runc), with the very spec that granule makes for the same container: the same
 * namespaces, mounts, masks, capabilities and limits. Its root is a plain folder; an overlay is its caller's affair.
 */
export async function ociPeer(name: "crun" | "runc", host: PeerHost): Promise<Peer | undefined> {
  const command = findCommand(name, host.installed);
  if (command === undefined) return undefined;
  const version = (await output(command, ["--version"])).split("\n")[0]?.replace(/^\w+ version /, "") ?? "";
  const bundle = join(host.folder, name);
  mkdirSync(bundle);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(configuration(name, host.rootfs)));
  const run = [command, "--root", join(host.folder, `${name}-state`), "run", "--bundle", bundle, `bench-${name}`];
  return {
    name: `${name} ${version}`,
    batch: (count) => timedStarts(host.spawnLoop, count, run),
    async close() {
      removeCgroup(join("/sys/fs/cgroup", cgroupOf(name)));
    },
  };
}

const cgroupOf = (name: string): string => `/granule-bench-${name}`;

function configuration(name: string, rootfs: string): unknown {
  const { oci } = buildContainerSpec({
    id: `bench-${name}`,
    options: { image: "bench", command: ["/stamp"] },
    image: { entrypoint: [], cmd: [], env: [], workingDir: "/", user: "", volumes: [], labels: {} },
    user: { uid: 0, gid: 0, additionalGids: [], home: "/" },
  });
  const seccomp = ociSeccomp(new Set(oci.process.capabilities.bounding));
  return {
    ...oci,
    // Raising a hard limit is refused where CAP_SYS_RESOURCE is missing, and costs nothing that could be measured.
    process: { ...oci.process, rlimits: [] },
    root: { path: rootfs, readonly: false },
    mounts: oci.mounts.map((mount) => (mount.type === "cgroup2" ? { ...mount, type: "cgroup" } : mount)),
    linux: { ...oci.linux, cgroupsPath: join(cgroupOf(name), "container"), seccomp },
  };
}

/** Removes a cgroup and those below it, which a runtime leaves behind when a start fails. */
function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  rmdirSync(path);
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { buildContainerSpec } from "../../src/spec/container-spec.js";
import { clearCgroup } from "./cgroup.js";
import { findCommand, notInstalled, output, SpawnLoop } from "./command.js";
import { ociSeccomp } from "./oci-seccomp.js";
import { type OpenPeer, type Peer, type PeerHost, payload, type Root, rootText } from "./peer.js";

/** Lanes that bundles are made for. */
const mostLanes = Math.max(8, availableParallelism());
const periodUsec = 100_000;

/**
 * An OCI runtime on the command line (crun, runc), with the very spec that granule makes for the same container: the
 * same namespaces, mounts, masks, capabilities, system call filter and limits.
 */
export const ociPeer =
  (name: "crun" | "runc", root: Root): OpenPeer =>
  async (host) => {
    const command = findCommand(name);
    if (command === undefined) return notInstalled(name);
    const version = (await output(command, ["--version"])).split("\n")[0]?.replace(/^\w+ version /, "") ?? "";
    return new OciPeer(host, { name, command, version, root });
  };

interface OciRuntime {
  name: string;
  command: string;
  version: string;
  root: Root;
}

class OciPeer implements Peer {
  readonly key: string;
  readonly name: string;
  readonly does: string;
  readonly #loop: SpawnLoop;
  /** One in each lane: `bundles/0` and on. */
  readonly #bundles: string;
  readonly #base: string[];
  readonly #id: string;
  readonly #cgroup: string;
  readonly #host: PeerHost;
  #standing: string | undefined;

  constructor(host: PeerHost, { name, command, version, root }: OciRuntime) {
    this.key = root === "inside" ? name : `${name}-${root}`;
    this.name = `${name} ${version}${root === "inside" ? "" : `, ${root}`}`;
    this.does = `granule's own OCI spec; no log, no record of the exit, no metering; ${rootText[root]}`;
    this.#host = host;
    this.#loop = new SpawnLoop(host, root);
    this.#bundles = mkdtempSync(join(host.folder, `${name}-`));
    this.#id = `bench-${this.key}-${process.pid}`;
    this.#cgroup = `/granule-bench-${this.key}-${process.pid}`;
    this.#base = [command, "--root", join(this.#bundles, "state")];
    for (let lane = 0; lane < mostLanes; lane++) {
      const rootfs = this.#loop.rootfs.replace("{}", String(lane));
      this.#bundle(String(lane), configuration(host, { rootfs, cgroup: join(this.#cgroup, String(lane)) }));
    }
    // A container that stands needs no overlay: it is not what is measured.
    const standing = { rootfs: host.rootfs, cgroup: join(this.#cgroup, "standing"), args: [payload, "pause"] };
    this.#bundle("standing", configuration(host, standing));
  }

  #bundle(name: string, config: unknown): void {
    mkdirSync(join(this.#bundles, name));
    writeFileSync(join(this.#bundles, name, "config.json"), JSON.stringify(config));
  }

  get #run(): string[] {
    return [...this.#base, "run", "--bundle", join(this.#bundles, "{}"), `${this.#id}-{}`];
  }

  starts(count: number) {
    return this.#loop.starts(count, this.#run);
  }

  steps(count: number) {
    const id = `${this.#id}-{}`;
    const create = [...this.#base, "create", "--bundle", join(this.#bundles, "{}"), id];
    return this.#loop.steps(count, create, [...this.#base, "start", id], [...this.#base, "delete", id]);
  }

  parallel(count: number, lanes: number) {
    return this.#loop.parallel(count, lanes, this.#run);
  }

  async execs(count: number) {
    if (this.#standing === undefined) {
      this.#standing = `${this.#id}-standing`;
      const [command = "", ...args] = this.#base;
      await quietly(command, [...args, "run", "--detach", "--bundle", join(this.#bundles, "standing"), this.#standing]);
    }
    return this.#loop.starts(count, [...this.#base, "exec", this.#standing, payload, "stamp"]);
  }

  flood(command: string[]): string[] {
    const name = "flood";
    rmSync(join(this.#bundles, name), { recursive: true, force: true });
    const container = { rootfs: this.#host.rootfs, cgroup: join(this.#cgroup, name), args: command };
    this.#bundle(name, configuration(this.#host, container));
    return [...this.#base, "run", "--bundle", join(this.#bundles, name), `${this.#id}-${name}`];
  }

  async close(): Promise<void> {
    const [command = "", ...args] = this.#base;
    if (this.#standing !== undefined) await output(command, [...args, "delete", "--force", this.#standing]);
    await clearCgroup(this.#cgroup);
  }
}

/** A detached container keeps the streams of its runtime open, so that their end cannot be waited for. */
async function quietly(command: string, args: string[]): Promise<void> {
  await output("sh", ["-c", '"$@" >/dev/null 2>&1 </dev/null', "-", command, ...args]);
}

interface OciContainer {
  rootfs: string;
  cgroup: string;
  args?: string[];
}

function configuration(host: PeerHost, { rootfs, cgroup, args = [payload, "stamp"] }: OciContainer): unknown {
  const { oci } = buildContainerSpec({
    id: "bench-container",
    options: { image: "bench", command: args },
    image: { entrypoint: [], cmd: [], env: [], workingDir: "/", user: "", volumes: [], labels: {} },
    user: { uid: 0, gid: 0, additionalGids: [], home: "/" },
  });
  const seccomp = ociSeccomp(new Set(oci.process.capabilities.bounding));
  const { cpus, memory, pids } = host.limits;
  const resources = {
    ...oci.linux.resources,
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * periodUsec), period: periodUsec } }),
    ...(memory === undefined ? {} : { memory: { limit: memory, swap: memory } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  return {
    ...oci,
    // crun 1.8, which Debian 12 has, takes no later one; nothing that is set here came after it.
    ociVersion: "1.0.2",
    // Raising a hard limit is refused where CAP_SYS_RESOURCE is missing, and costs nothing that could be measured.
    process: { ...oci.process, rlimits: [] },
    root: { path: rootfs, readonly: false },
    mounts: oci.mounts.map((mount) => (mount.type === "cgroup2" ? { ...mount, type: "cgroup" } : mount)),
    linux: { ...oci.linux, resources, cgroupsPath: cgroup, seccomp },
  };
}

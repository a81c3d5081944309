import type { CreateOptions, ImageConfig } from "../api.js";
import { GranuleError } from "../errors.js";
import { capabilitySets, resolveCapabilities } from "./capability-sets.js";
import { type ContainerFile, containerFiles } from "./container-files.js";
import { defaultDeviceRules, defaultDevices } from "./default-devices.js";
import { defaultMounts } from "./default-mounts.js";
import { defaultMaskedPaths, defaultReadonlyPaths } from "./default-paths.js";
import { baseEnvironment, mergeEnvironment } from "./environment.js";
import { type HostFacts, hostFacts } from "./host.js";
import type { NamespaceType } from "./linux/namespaces.js";
import { rlimitType } from "./linux/rlimits.js";
import {
  type OciProcess,
  type OciRlimit,
  type OciSpec,
  REQUIRED_RLIMITS_ANNOTATION,
  SECCOMP_ANNOTATION,
} from "./oci.js";
import { byDepth, imageVolumes, normalizeInside, userMounts } from "./user-mounts.js";

/** A user looked up in the image's passwd and group files. */
export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string;
}

export interface ContainerSpecInput {
  id: string;
  /** Validated options (options.ts). */
  options: CreateOptions;
  image: ImageConfig;
  user: ResolvedUser;
  /** This host, unless a test says otherwise. */
  host?: HostFacts;
}

/** A container as the runtime makes it: the OCI spec, and what has no place there. */
export interface ContainerSpec {
  oci: OciSpec;
  /** Files written into the root file system before the container starts. */
  files: ContainerFile[];
  /** Folders that can be written to even where the root file system cannot. */
  volumes: string[];
}

/** Open files a process may have unless told: systemd's default, which keeps programs that loop over all of them fast. */
const DEFAULT_NOFILE: OciRlimit = { type: "RLIMIT_NOFILE", soft: 1024, hard: 524_288 };

const DEFAULT_UMASK = 0o022;

/** Characters of the id that name a container inside, as docker does it. */
export const SHORT_ID_LENGTH = 12;

/** Turns validated options and an image's configuration into an OCI runtime spec, with the same defaults as docker's. */
export function buildContainerSpec(input: ContainerSpecInput): ContainerSpec {
  const { options, image } = input;
  const host = input.host ?? hostFacts();
  const hostNetwork = options.network === "host";
  const hostname = options.hostname ?? (hostNetwork ? host.hostname : input.id.slice(0, SHORT_ID_LENGTH));

  const asked = userMounts(options.mounts ?? []);
  const taken = new Set(asked.map((mount) => mount.destination));
  const defaults = defaultMounts(hostNetwork).filter((mount) => !taken.has(mount.destination));

  const oci: OciSpec = {
    ociVersion: "1.2.0",
    process: containerProcess(input, hostname, host),
    root: { path: "rootfs", readonly: options.readOnly === true },
    hostname,
    mounts: [...defaults, ...byDepth(asked)],
    linux: {
      namespaces: namespaceTypes(hostNetwork).map((type) => ({ type })),
      devices: [...defaultDevices],
      maskedPaths: [...defaultMaskedPaths, ...host.thermalPaths],
      readonlyPaths: [...defaultReadonlyPaths],
      sysctl: unprivilegedSysctls(hostNetwork, input.user.uid),
      resources: { devices: [...defaultDeviceRules] },
    },
    annotations: { [SECCOMP_ANNOTATION]: options.seccomp ?? "default" },
  };
  const required = Object.keys(options.rlimits ?? {}).map(rlimitTypeOf);
  if (required.length > 0) oci.annotations[REQUIRED_RLIMITS_ANNOTATION] = required.join(",");
  return { oci, files: containerFiles(hostname, hostNetwork, [...taken]), volumes: imageVolumes(image.volumes, taken) };
}

/** The argv of a container: Entrypoint and Cmd, where the options have not replaced them. */
export function resolveArgs(options: CreateOptions, image: ImageConfig): string[] {
  const replaced = options.entrypoint !== undefined && options.entrypoint.length > 0;
  const entrypoint = options.entrypoint ?? image.entrypoint;
  const command = options.command !== undefined && options.command.length > 0 ? options.command : undefined;
  // The image's Cmd holds arguments for the image's Entrypoint, and means nothing to another one.
  const args = [...entrypoint, ...(command ?? (replaced ? [] : image.cmd))];
  if (args.length === 0 || args[0] === "") {
    throw new GranuleError("INVALID_ARGUMENT", "command: neither the options nor the image say what to run", {
      hint: "give a command, such as `granule run IMAGE /bin/sh`",
    });
  }
  return args;
}

function containerProcess(input: ContainerSpecInput, hostname: string, host: HostFacts): OciProcess {
  const { options, image, user } = input;
  const tty = options.tty === true;
  const process: OciProcess = {
    terminal: tty,
    user: { uid: user.uid, gid: user.gid, umask: DEFAULT_UMASK, additionalGids: user.additionalGids },
    args: resolveArgs(options, image),
    env: mergeEnvironment(baseEnvironment({ hostname, home: user.home, tty }), image.env, options.env ?? []),
    cwd: normalizeInside(options.workingDir ?? image.workingDir),
    capabilities: capabilitySets(resolveCapabilities(host.capabilities, options.capAdd, options.capDrop), user.uid),
    rlimits: rlimits(options.rlimits ?? {}),
    noNewPrivileges: true,
  };
  // A terminal that does not know its size says 0.
  if (tty && options.rows && options.columns) process.consoleSize = { height: options.rows, width: options.columns };
  // A service that protects itself from the OOM killer must not pass that on.
  if (host.oomScoreAdj < 0) process.oomScoreAdj = 0;
  return process;
}

function rlimits(asked: NonNullable<CreateOptions["rlimits"]>): OciRlimit[] {
  const list = Object.entries(asked).map(([name, { soft, hard }]) => ({ type: rlimitTypeOf(name), soft, hard }));
  return list.some((limit) => limit.type === "RLIMIT_NOFILE") ? list : [DEFAULT_NOFILE, ...list];
}

function rlimitTypeOf(name: string): OciRlimit["type"] {
  const type = rlimitType(name);
  if (type !== undefined) return type;
  throw new GranuleError("INVALID_ARGUMENT", `rlimits: there is no resource limit ${JSON.stringify(name)}`, {
    hint: "names are those of getrlimit(2) in lower case, such as nofile",
  });
}

function namespaceTypes(hostNetwork: boolean): NamespaceType[] {
  const types: NamespaceType[] = ["mount", "pid", "ipc", "uts", "cgroup"];
  if (!hostNetwork) types.push("network");
  return types;
}

/** Any user may listen on any port of a network that is the container's own, as with docker; root needs no help. */
function unprivilegedSysctls(hostNetwork: boolean, uid: number): Record<string, string> {
  return hostNetwork || uid === 0 ? {} : { "net.ipv4.ip_unprivileged_port_start": "0" };
}

import type { ContainerSpec } from "./container-spec.js";
import { defaultDeviceLinks } from "./default-devices.js";
import { capabilityBits } from "./linux/capabilities.js";
import { MOUNT_ATTR_RDONLY } from "./linux/mount-attributes.js";
import { namespaceFlags } from "./linux/namespaces.js";
import { rlimitNumbers } from "./linux/rlimits.js";
import { parseMountOptions } from "./mount-options.js";
import {
  type OciDevice,
  type OciDeviceRule,
  type OciMount,
  type OciProcess,
  type OciSpec,
  REQUIRED_RLIMITS_ANNOTATION,
} from "./oci.js";
import { Op } from "./plan-ops.js";
import { PlanWriter } from "./plan-writer.js";
import { stagedFolders } from "./staged.js";

/** Where a container's root file system comes from. All paths are the host's. */
export type RootSource =
  | { kind: "overlay"; upper: string; work: string /** Topmost first. */; layers: readonly string[] }
  | { kind: "bind"; path: string };

/** v2 and v1 cgroups of a process, as host paths; absent ones are not used. */
export interface LaunchCgroups {
  /** v2 cgroup the process is cloned into. */
  unified?: string;
  /** v1 cgroups, one a hierarchy, joined before the exec. */
  joins?: readonly string[];
  /** v2 leaf the monitor itself lives in. */
  monitors?: string;
}

/** What a monitor needs beside the spec of its process. All paths are the host's. */
export interface MonitorContext {
  socketPath: string;
  /** Absent: output goes to attachments only. `maxFiles` 0 means no rotation. */
  log?: { path: string; maxBytes: number; maxFiles: number };
  exitRecordPath: string;
  cgroups: LaunchCgroups;
  /** Keep stdin open for attachments; otherwise it is /dev/null. */
  stdin: boolean;
  /** Exec at once, or wait for the start request. */
  startNow: boolean;
  /** Compiled filter (seccomp.ts); absent: none. */
  seccomp?: Uint8Array;
}

export interface LaunchContext extends MonitorContext {
  root: RootSource;
  /** The rest of a spare's plan (encodeSparePlan): its cgroup, its namespaces and its mounts are there. */
  spare?: boolean;
  /** Restrict device nodes by a BPF program on the v2 cgroup; needs `cgroups.unified`. */
  deviceFilter: boolean;
}

/** A process that joins a running container, known by its first process. */
export interface ExecContext extends MonitorContext {
  pid: number;
  /** Start time of `pid` in clock ticks, so that a recycled pid is not entered. */
  startTimeTicks: bigint;
}

const TERMINAL_ROWS = 24;
const TERMINAL_COLUMNS = 80;
const OOM_SCORE_OFFSET = 1000;
const DIRECTORY_MODE = 0o755;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const ANY = -1;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** Where a spare lives; as host paths. */
export interface SpareContext {
  cgroup: string;
  monitors: string;
  /** An empty folder: what is made ahead is mounted in a tmpfs over it, in the spare's own mount namespace. */
  stage: string;
}

/**
 * Encodes the first part of a launch: all that containers which use what is staged (staged.ts) have in common. `oci` is
 * the spec of any of them.
 */
export function encodeSparePlan(oci: OciSpec, { cgroup, monitors, stage }: SpareContext): Buffer {
  const plan = new PlanWriter();
  plan.op(Op.Namespaces, [cloneFlags(oci)]);
  plan.op(Op.DeviceFilter, deviceRuleNumbers(oci.linux.resources.devices));
  plan.op(Op.MonitorCgroup, [], [monitors]);
  plan.op(Op.Cgroup, [], [cgroup]);
  plan.op(Op.Umask, [oci.process.user.umask]);
  plan.op(Op.StageRoot, [], [stage]);
  for (const mount of oci.mounts.filter(isStaged)) writeMount(plan, oci, mount);
  writeMasks(plan, oci);
  plan.op(Op.LoopbackUp);
  plan.op(Op.Standby);
  return plan.finish();
}

/** Encodes the first plan of a spare monitor, which has no child yet: what enters a container is cloned by one. */
export function encodeSpareMonitorPlan(monitors: string): Buffer {
  const plan = new PlanWriter();
  plan.op(Op.MonitorCgroup, [], [monitors]);
  plan.op(Op.Standby);
  return plan.finish();
}

/** Encodes the launch plan of a container's first process. */
export function encodeLaunchPlan(spec: ContainerSpec, context: LaunchContext): Buffer {
  const plan = new PlanWriter();
  const { oci } = spec;
  const spare = context.spare === true;
  if (!spare) {
    plan.op(Op.Namespaces, [cloneFlags(oci)]);
    if (context.deviceFilter) plan.op(Op.DeviceFilter, deviceRuleNumbers(oci.linux.resources.devices));
  }
  writeMonitorOps(plan, oci.process, context);

  // Before anything is made: the mask of this process, however private it is, is not the container's.
  plan.op(Op.Umask, [oci.process.user.umask]);
  writeRoot(plan, context.root);
  writeVolumes(plan, spec);
  if (spare) {
    for (const folder of stagedFolders) plan.op(Op.Adopt, [], [folder]);
    writeFiles(plan, spec);
  }
  for (const mount of oci.mounts) {
    if (spare && isStaged(mount)) continue;
    writeMount(plan, oci, mount);
    if (mount.destination === "/dev") writeFiles(plan, spec);
  }
  if (oci.process.terminal) plan.op(Op.Console, [], ["/dev/console"]);
  if (!spare) writeMasks(plan, oci);
  if (oci.root.readonly) {
    // Later it could not be made any more.
    plan.op(Op.Directory, [DIRECTORY_MODE], [oci.process.cwd]);
    plan.op(Op.RootReadOnly);
  }
  plan.op(Op.PivotRoot);
  if (oci.hostname !== undefined) plan.op(Op.Hostname, [], [oci.hostname]);
  if (!spare && oci.linux.namespaces.some(({ type }) => type === "network")) plan.op(Op.LoopbackUp);
  for (const [name, value] of Object.entries(oci.linux.sysctl)) {
    plan.op(Op.Sysctl, [], [name.replaceAll(".", "/"), value]);
  }
  writeLimits(plan, oci, oci.process);
  plan.op(Op.WorkingDir, [1], [oci.process.cwd]);
  writeCredentials(plan, oci.process, context.seccomp);
  return plan.finish();
}

/** Encodes the plan of a further process in a running container of the given spec. */
export function encodeExecPlan(oci: OciSpec, process: OciProcess, context: ExecContext): Buffer {
  const plan = new PlanWriter();
  // What writes below /proc comes before the container's own /proc is in sight.
  writeMonitorOps(plan, process, context);
  plan.op(Op.SetNamespaces, [context.pid, context.startTimeTicks, cloneFlags(oci)]);
  if (process.terminal) plan.op(Op.Console, [], [""]);
  plan.op(Op.Umask, [process.user.umask]);
  writeLimits(plan, oci, process);
  plan.op(Op.WorkingDir, [0], [process.cwd]);
  writeCredentials(plan, process, context.seccomp);
  return plan.finish();
}

function writeMonitorOps(plan: PlanWriter, process: OciProcess, context: MonitorContext): void {
  const { cgroups, log } = context;
  if (cgroups.monitors !== undefined) plan.op(Op.MonitorCgroup, [], [cgroups.monitors]);
  if (cgroups.unified !== undefined) plan.op(Op.Cgroup, [], [cgroups.unified]);
  for (const path of cgroups.joins ?? []) plan.op(Op.CgroupJoin, [], [path]);
  plan.op(Op.Socket, [], [context.socketPath]);
  if (log !== undefined) plan.op(Op.Log, [log.maxBytes, log.maxFiles], [log.path]);
  plan.op(Op.ExitRecord, [], [context.exitRecordPath]);
  const { height, width } = process.consoleSize ?? { height: TERMINAL_ROWS, width: TERMINAL_COLUMNS };
  plan.op(Op.Stdio, [Number(process.terminal), Number(context.stdin), height, width]);
  plan.op(Op.Start, [Number(context.startNow)]);
  if (process.oomScoreAdj !== undefined) plan.op(Op.OomScore, [process.oomScoreAdj + OOM_SCORE_OFFSET]);
}

function writeRoot(plan: PlanWriter, root: RootSource): void {
  if (root.kind === "bind") plan.op(Op.RootBind, [0], [root.path]);
  else plan.op(Op.RootOverlay, [0], [root.upper, root.work, ...root.layers]);
}

const isStaged = ({ destination }: OciMount): boolean =>
  stagedFolders.some((folder) => destination === folder || destination.startsWith(`${folder}/`));

/** Volumes lie below everything. */
function writeVolumes(plan: PlanWriter, { oci, volumes }: ContainerSpec): void {
  for (const path of volumes) {
    if (oci.root.readonly) plan.op(Op.Volume, [], [path]);
    else plan.op(Op.Directory, [DIRECTORY_MODE], [path]);
  }
}

function writeMount(plan: PlanWriter, oci: OciSpec, mount: OciMount): void {
  const { attributes, data, recursive } = parseMountOptions(mount.options);
  if (mount.type === "bind") plan.op(Op.Bind, [attributes, Number(recursive)], [mount.source, mount.destination]);
  else plan.op(Op.Mount, [attributes], [mount.type, mount.source, mount.destination, data]);
  if (mount.destination === "/dev") writeDevices(plan, oci.linux.devices);
}

/** The container's own files lie below what the caller mounts: nothing is ever written through a mount of the caller's. */
function writeFiles(plan: PlanWriter, { oci, files }: ContainerSpec): void {
  const attributes = oci.root.readonly ? MOUNT_ATTR_RDONLY : 0;
  for (const file of files) plan.op(Op.WriteFile, [file.mode, attributes], [file.path, file.content]);
}

function writeMasks(plan: PlanWriter, oci: OciSpec): void {
  for (const path of oci.linux.maskedPaths) plan.op(Op.Mask, [], [path]);
  for (const path of oci.linux.readonlyPaths) plan.op(Op.ReadOnlyPath, [], [path]);
}

function writeDevices(plan: PlanWriter, devices: readonly OciDevice[]): void {
  for (const { path, type, fileMode, major, minor, uid, gid } of devices) {
    plan.op(Op.Device, [fileMode | (type === "c" ? S_IFCHR : S_IFBLK), major, minor, uid, gid], [path]);
  }
  for (const [path, content] of defaultDeviceLinks) plan.op(Op.Symlink, [], [content, path]);
}

function writeLimits(plan: PlanWriter, oci: OciSpec, process: OciProcess): void {
  const required = (oci.annotations[REQUIRED_RLIMITS_ANNOTATION] ?? "").split(",");
  for (const { type, soft, hard } of process.rlimits) {
    plan.op(Op.Rlimit, [rlimitNumbers[type], soft, hard, Number(required.includes(type))]);
  }
}

/** Gives up the set-up's rights for the process's own: what follows this needs none. */
function writeCredentials(plan: PlanWriter, process: OciProcess, seccomp: Uint8Array | undefined): void {
  plan.op(Op.User, [process.user.uid, process.user.gid, ...process.user.additionalGids]);
  const { bounding, effective, permitted, inheritable, ambient } = process.capabilities;
  plan.op(Op.Capabilities, [bounding, effective, permitted, inheritable, ambient].map(capabilityBits));
  if (process.noNewPrivileges) plan.op(Op.NoNewPrivileges);
  if (seccomp !== undefined) plan.bytes(Op.Seccomp, seccomp);
  plan.op(Op.Exec, [process.args.length], [...process.args, ...process.env]);
}

function cloneFlags(oci: OciSpec): number {
  let flags = 0;
  for (const { type } of oci.linux.namespaces) flags |= namespaceFlags[type];
  return flags >>> 0;
}

function deviceRuleNumbers(rules: readonly OciDeviceRule[]): number[] {
  const first = rules[0];
  const allowAll = first !== undefined && first.type === "a" && first.allow;
  const numbers = [Number(allowAll)];
  for (const rule of first?.type === "a" ? rules.slice(1) : rules) {
    const access = [...rule.access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
    numbers.push(Number(rule.allow), rule.type.charCodeAt(0), rule.major ?? ANY, rule.minor ?? ANY, access);
  }
  return numbers;
}

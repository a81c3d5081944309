import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ContainerCgroup } from "../cgroup/container.js";
import { GranuleError } from "../errors.js";
import { readImageFile } from "../image/lookup.js";
import { type ResolvedUser, resolveUser } from "../image/user.js";
import { monitorPath, native } from "../native.js";
import { buildContainerSpec, type ContainerSpec } from "../spec/container-spec.js";
import { encodeLaunchPlan, type MonitorContext } from "../spec/plan.js";
import { seccompProgram } from "../spec/seccomp.js";
import { skeletonLayer } from "../spec/skeleton.js";
import type { ContainerRecord } from "../state/container-store.js";
import { launchError } from "./failure.js";
import type { LaunchImage, Services } from "./services.js";

const defaultLogMaxBytes = 64 * 1024 * 1024;
const defaultLogMaxFiles = 3;

/** Paths of one container's own files, on the host. */
export function containerPaths(folder: string): { upper: string; work: string; log: string; exit: string } {
  return {
    upper: join(folder, "upper"),
    work: join(folder, "work"),
    log: join(folder, "log"),
    exit: join(folder, "exit"),
  };
}

/** The user that options or the image name, looked up in the container's own files. */
export function lookUpUser(user: string, layers: readonly string[]): ResolvedUser {
  // Numbers that the image does not name need no look into it, but their home and groups do.
  const text = (path: string): string | undefined => readImageFile(layers, path)?.toString("utf8");
  return resolveUser(user, text("/etc/passwd"), text("/etc/group"));
}

export function containerSpec(record: ContainerRecord, image: LaunchImage): ContainerSpec {
  return buildContainerSpec({
    id: record.id,
    options: record.options,
    image: image.config,
    user: imageUser(record.options.user ?? image.config.user, image),
  });
}

/** An image never changes, so each of its users is looked up once. */
function imageUser(name: string, image: LaunchImage): ResolvedUser {
  let user = image.users.get(name);
  if (user === undefined) {
    user = lookUpUser(name, image.layers);
    image.users.set(name, user);
  }
  return user;
}

/** Makes a new container's folders; of one that ran before, only the record of that run's exit goes. */
export function makeFolders(folder: string): void {
  const { upper, work, exit } = containerPaths(folder);
  try {
    mkdirSync(folder, 0o700);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw GranuleError.from(thrown, "UNAVAILABLE");
    rmSync(exit, { force: true });
    return;
  }
  mkdirSync(upper, 0o755);
  // The mode of the container's root folder, whatever the umask here is.
  chmodSync(upper, 0o755);
  mkdirSync(work, 0o700);
}

/** The compiled system call filter; undefined where the options switch it off. */
export function systemCallFilter(record: ContainerRecord, spec: ContainerSpec, services: Services): Buffer | undefined {
  if (record.options.seccomp === "unconfined") return undefined;
  return seccompProgram(spec.oci.process.capabilities.bounding, services.directories.cache);
}

export interface Launched {
  pid: number;
  monitorPid: number;
  startedNs: bigint;
}

/**
 * Starts the monitor of a container, and with it its first process: at once, or as far as the start request.
 *
 * @throws GranuleError as launchError has it
 */
export async function launch(
  record: ContainerRecord,
  spec: ContainerSpec,
  image: LaunchImage,
  cgroup: ContainerCgroup,
  services: Services,
  startNow: boolean,
): Promise<Launched> {
  const folder = services.directories.container(record.id);
  const { upper, work, log, exit } = containerPaths(folder);
  const seccomp = systemCallFilter(record, spec, services);
  const context: MonitorContext = {
    socketPath: services.directories.monitorSocket(record.id),
    log: {
      path: log,
      maxBytes: record.options.logMaxBytes ?? defaultLogMaxBytes,
      maxFiles: record.options.logMaxFiles ?? defaultLogMaxFiles,
    },
    exitRecordPath: exit,
    cgroups: { unified: cgroup.unified, joins: cgroup.joins, monitors: services.cgroups.monitors },
    stdin: record.options.stdin === true,
    startNow,
    ...(seccomp === undefined ? {} : { seccomp }),
  };
  const skeleton = skeletonLayer(join(services.directories.cache, "skeleton"));
  const root = { kind: "overlay", upper, work, layers: [...image.layers, skeleton] } as const;
  const plan = encodeLaunchPlan(spec, { ...context, root, deviceFilter: true });
  const report = await native()
    .spawnMonitor(monitorPath, plan)
    .catch((thrown: unknown) => {
      throw GranuleError.from(thrown);
    });
  if (!report.ok) throw launchError(report, spec.oci.process.args[0] ?? "");
  return { pid: report.pid, monitorPid: report.monitorPid, startedNs: report.startedNs };
}

import { join } from "node:path";
import type { ContainerCgroup } from "../cgroup/container.js";
import { GranuleError } from "../errors.js";
import { readImageFile } from "../image/lookup.js";
import { type ResolvedUser, resolveUser } from "../image/user.js";
import type { Moment } from "../meter/moment.js";
import { monitorPath, type NativeEnd, native, type SpawnReport } from "../native.js";
import { buildContainerSpec, type ContainerSpec } from "../spec/container-spec.js";
import { encodeLaunchPlan, type MonitorContext } from "../spec/plan.js";
import { seccompProgram } from "../spec/seccomp.js";
import { skeletonLayer } from "../spec/skeleton.js";
import type { ContainerRecord } from "../state/container-store.js";
import { launchError } from "./failure.js";
import { containerPaths } from "./folders.js";
import type { LaunchImage, Services } from "./services.js";
import { shapeOf } from "./shape.js";
import { diedWaiting, type Spare, SpareUnusable } from "./spare.js";

const defaultLogMaxBytes = 64 * 1024 * 1024;
const defaultLogMaxFiles = 3;

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

/** The compiled system call filter; undefined where the options switch it off. */
export function systemCallFilter(record: ContainerRecord, spec: ContainerSpec, services: Services): Buffer | undefined {
  if (record.options.seccomp === "unconfined") return undefined;
  return seccompProgram(spec.oci.process.capabilities.bounding, services.directories.cache);
}

export interface Launched {
  pid: number;
  monitorPid: number;
  started: Moment;
  end: NativeEnd | undefined;
}

export interface PlanRequest {
  record: ContainerRecord;
  /** Not asked for where the plan is known, or the spare has it already. */
  spec(): ContainerSpec;
  image: LaunchImage;
  cgroup: ContainerCgroup;
  services: Services;
  /** Start the program at once, or wait for the start request. */
  startNow: boolean;
  /** What the container is made from, where there is one. */
  spare?: Spare | undefined;
}

export interface LaunchRequest extends PlanRequest {
  /** Writes down that the container is meant to be: done before anything of it can run. */
  writeDown(): void;
}

/**
 * Starts the monitor of a container, and with it its first process: at once, or as far as the start request.
 *
 * @throws GranuleError as launchError has it; SpareUnusable
 */
export async function launch(request: LaunchRequest): Promise<Launched> {
  const { record, spare } = request;
  const plan = (): Buffer => launchPlan(request);
  let reported: Promise<SpawnReport>;
  if (spare === undefined) {
    request.writeDown();
    reported = native().spawnMonitor(monitorPath, plan(), true);
  } else {
    // The child sets itself up while this is written down, and does not exec before.
    reported = spare.given ?? spare.give(plan());
    try {
      request.writeDown();
      spare.commit();
    } catch (thrown) {
      // Killed, not abandoned: the monitor of a spare that is left alone takes its owner for dead.
      request.cgroup.kill();
      await reported;
      throw thrown;
    }
  }
  const report = await reported.catch((thrown: unknown) => {
    throw GranuleError.from(thrown);
  });
  spare?.drop();
  if (spare && diedWaiting(report)) throw new SpareUnusable(true);
  if (!report.ok) throw launchError(report, record.command[0] ?? "");
  return {
    pid: report.pid,
    monitorPid: report.monitorPid,
    started: { wallNs: report.startedNs, bootNs: report.startedBootNs },
    end: report.end,
  };
}

/** The plan of a container, or the rest of it where it is made from a spare. */
export function launchPlan(request: PlanRequest): Buffer {
  const { record, cgroup, image, startNow, spare } = request;
  const encode = (): Buffer => encodePlan(request);
  // It has files of the host in it, as they are at the moment.
  if (record.options.network === "host") return encode();
  const made = `${startNow ? "run" : "create"} ${spare ? "spare" : "whole"} ${cgroup.joins.length}`;
  return image.plans.plan(`${made} ${shapeOf(record.options)}`, record.id, encode);
}

function encodePlan(request: PlanRequest): Buffer {
  const { record, image, cgroup, services, startNow, spare } = request;
  const spec = request.spec();
  const { upper, work, log, exit } = containerPaths(services.directories.container(record.id));
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
  return encodeLaunchPlan(spec, { ...context, root, spare: spare !== undefined, deviceFilter: true });
}

import type { ContainerInfo, CreateOptions, Limits, RestartPolicy } from "../api.js";
import type { CgroupHost } from "../cgroup/host.js";
import { limitWrites } from "../cgroup/limits.js";
import type { ContainerRecord } from "../state/container-store.js";

const limitNames = [
  "cpus",
  "memory",
  "memoryHigh",
  "memoryLow",
  "pids",
  "cpuset",
  "io",
  "ioWeight",
  "spot",
  "cpuBurstUsec",
] as const satisfies readonly (keyof Limits)[];

/** The limits among a container's options. */
export function limitsOf(options: Limits): Limits {
  const limits: Record<string, unknown> = {};
  for (const name of limitNames) if (options[name] !== undefined) limits[name] = options[name];
  return limits;
}

/**
 * Options with limits changed; what is not named stays.
 *
 * @throws GranuleError where the host cannot enforce the result
 */
export function withLimits(
  options: CreateOptions,
  limits: Limits,
  restart: RestartPolicy | undefined,
  host: CgroupHost,
): CreateOptions {
  limitWrites(limits, host, limitsOf(options));
  return { ...options, ...limitsOf(limits), ...(restart === undefined ? {} : { restart }) };
}

/** A deep copy of plain data. structuredClone goes by way of bytes, and was a good third of the cost of an inspect. */
function copyOf<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = copyOf(value[key]);
  return copy as T;
}

/** A container as callers see it: a copy that they may keep and change. */
export function containerInfo(record: ContainerRecord): ContainerInfo {
  const { options } = record;
  const { cpus, pids, cpuset } = options;
  return copyOf({
    id: record.id,
    name: record.name,
    image: record.image,
    imageId: record.imageId,
    state: record.state,
    tags: options.tags ?? {},
    command: record.command,
    ...(cpus === undefined ? {} : { cpus }),
    ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
    ...(pids === undefined ? {} : { pids }),
    ...(cpuset === undefined ? {} : { cpuset }),
    ...(record.pid === undefined ? {} : { pid: record.pid }),
    restarts: record.restarts,
    createdAt: record.createdAt,
    ...(record.startedAt === undefined ? {} : { startedAt: record.startedAt }),
    ...(record.finishedAt === undefined ? {} : { finishedAt: record.finishedAt }),
    ...(record.exit === undefined ? {} : { exit: record.exit }),
    options,
  });
}

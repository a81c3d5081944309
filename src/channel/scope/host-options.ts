import type { CreateOptions } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { Principal } from "../principal.js";

type Judge<T> = (value: T) => string | undefined;

/** The option stays within the container and its limits. */
const contained: Judge<unknown> = () => undefined;

/**
 * What each option lets a container reach beyond itself. Whoever may ask for these is root on the host by a detour, and
 * could read the tokens and the containers of everybody. An option that is added without a decision does not compile.
 */
const HOST_REACH: { readonly [K in keyof CreateOptions]-?: Judge<NonNullable<CreateOptions[K]>> } = {
  image: contained,
  name: contained,
  command: contained,
  entrypoint: contained,
  env: contained,
  workingDir: contained,
  user: contained,
  hostname: contained,
  mounts: (mounts) => (mounts.some(({ type }) => type !== "tmpfs") ? "a mount of the host's files" : undefined),
  readOnly: contained,
  network: (network) => (network === "host" ? "the host's network" : undefined),
  tags: contained,
  restart: contained,
  stopTimeoutSeconds: contained,
  stopSignal: contained,
  tty: contained,
  rows: contained,
  columns: contained,
  stdin: contained,
  autoRemove: contained,
  capAdd: (names) => (names.length > 0 ? "added capabilities" : undefined),
  capDrop: contained,
  seccomp: (filter) => (filter === "unconfined" ? "no system call filter" : undefined),
  rlimits: contained,
  logMaxBytes: contained,
  logMaxFiles: contained,
  budget: contained,
  cpus: contained,
  memory: contained,
  memoryHigh: contained,
  memoryLow: contained,
  pids: contained,
  cpuset: contained,
  io: contained,
  ioWeight: contained,
  spot: contained,
  cpuBurstUsec: contained,
};

/**
 * Lets only an admin without bounds make containers that reach the host.
 * @throws PERMISSION_DENIED naming what it was
 */
export function checkHostOptions({ role, selector }: Principal, options: CreateOptions): void {
  if (role === "admin" && selector === undefined) return;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const judge = Object.hasOwn(HOST_REACH, name) ? HOST_REACH[name as keyof CreateOptions] : unknown;
    const reach = (judge as Judge<unknown>)(value);
    if (reach === undefined) continue;
    throw new GranuleError("PERMISSION_DENIED", `${reach} takes the role admin without a selector`, {
      hint: "a container that reaches the host could reach everybody's",
      details: { field: name },
    });
  }
}

const unknown: Judge<unknown> = () => "an option of unknown reach";

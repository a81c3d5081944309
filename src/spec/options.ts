import type { CreateOptions, ExecOptions, Limits, RestartPolicy } from "../api.js";
import { type Fields, finite, flag, integer, invalid, object, oneOf, text } from "./check.js";
import * as field from "./option-fields.js";

/** Rows and columns of a terminal are unsigned shorts (ioctl_tty(2)). */
const MAX_TERMINAL = 0xffff;

/** Long enough for any clean end, and short enough for a timer. */
const MAX_STOP_SECONDS = 7 * 24 * 3600;

const MIN_LOG_BYTES = 4096;
const MAX_LOG_FILES = 1000;

/** Types only: what the numbers may be depends on the host (cgroup/validate.ts). */
const limitFields: Fields<Limits> = {
  cpus: finite,
  memory: finite,
  memoryHigh: finite,
  memoryLow: finite,
  pids: finite,
  cpuset: text(4096),
  io: field.ioLimits,
  ioWeight: finite,
  spot: flag,
  cpuBurstUsec: finite,
};

const createFields: Fields<CreateOptions> = {
  ...limitFields,
  image: field.imageReference,
  name: field.containerName,
  command: field.commandLine,
  entrypoint: field.commandLine,
  env: field.environment,
  workingDir: field.absolutePath,
  user: field.userName,
  hostname: field.hostName,
  mounts: field.mounts,
  readOnly: flag,
  network: oneOf("none", "host"),
  tags: field.tags,
  restart: field.restart,
  stopTimeoutSeconds: integer(0, MAX_STOP_SECONDS),
  stopSignal: field.signalName,
  tty: flag,
  rows: integer(0, MAX_TERMINAL),
  columns: integer(0, MAX_TERMINAL),
  stdin: flag,
  autoRemove: flag,
  capAdd: field.capabilities,
  capDrop: field.capabilities,
  seccomp: oneOf("default", "unconfined"),
  rlimits: field.rlimits,
  logMaxBytes: integer(MIN_LOG_BYTES),
  logMaxFiles: integer(0, MAX_LOG_FILES),
  budget: field.budget,
};

const checkCreate = object<CreateOptions>(createFields, ["image"]);

const checkExec = object<ExecOptions>(
  {
    command: field.commandLine,
    env: field.environment,
    user: field.userName,
    workingDir: field.absolutePath,
    tty: flag,
    rows: integer(0, MAX_TERMINAL),
    columns: integer(0, MAX_TERMINAL),
    stdin: flag,
  },
  ["command"],
);

const checkUpdate = object<Limits & { restart?: RestartPolicy }>({ ...limitFields, restart: field.restart });

/**
 * Checks what a caller, who may sit across a network, wants of a container. Returns a new object that holds nothing
 * unknown; what depends on the host or the image is checked later.
 *
 * @throws GranuleError INVALID_ARGUMENT that names the option and how to mend it
 */
export function validateCreateOptions(options: unknown): CreateOptions {
  const checked = checkCreate("", options);
  if (checked.autoRemove === true && (checked.restart?.policy ?? "never") !== "never") {
    throw invalid("autoRemove", "a container that restarts is never over", "leave out autoRemove or restart");
  }
  return checked;
}

/** Checks the options of a further process, as `validateCreateOptions` does. */
export function validateExecOptions(options: unknown): ExecOptions {
  return checkExec("", options);
}

/** Checks the limits and the restart policy of an update, as `validateCreateOptions` does. */
export function validateUpdateOptions(options: unknown): Limits & { restart?: RestartPolicy } {
  return checkUpdate("", options);
}

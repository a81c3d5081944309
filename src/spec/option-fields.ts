import { constants } from "node:os";
import type { Budget, IoLimit, MountOption, RestartPolicy } from "../api.js";
import { parseCapability } from "./capability-sets.js";
import { type Check, entries, finite, flag, integer, invalid, list, object, oneOf, show, text } from "./check.js";
import { rlimitNumbers, rlimitType } from "./linux/rlimits.js";
import { normalizeInside } from "./user-mounts.js";

const KiB = 1024;

/** PATH_MAX of linux/limits.h without its null byte. */
const MAX_PATH_BYTES = 4095;
/** MAX_ARG_STRLEN of linux/binfmts.h without its null byte: the longest single argument execve(2) takes. */
const MAX_ARGUMENT_BYTES = 128 * KiB - 1;
const MAX_ARGUMENTS_BYTES = KiB * KiB;
const MAX_ARGUMENTS = 4096;
const MAX_MOUNTS = 256;
const MAX_TAGS = 64;
const MAX_ID = 0xffff_fffe;
const LAST_SIGNAL = 64;

export const imageReference = text(512, /^\S+$/, "give an image's name or id");

export const containerName = text(
  128,
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
  "start with a letter or digit and go on with letters, digits, `_`, `.` and `-`",
);

/** RFC 1123 labels; 64 bytes are what sethostname(2) takes. */
export const hostName = text(
  64,
  /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/,
  "use letters, digits and `-`, in parts of at most 63 parted by dots",
);

export const commandLine = list(text(MAX_ARGUMENT_BYTES), MAX_ARGUMENTS, MAX_ARGUMENTS_BYTES);

const variable: Check<string> = (option, value) => {
  const entry = text(MAX_ARGUMENT_BYTES)(option, value);
  if (entry.indexOf("=") > 0) return entry;
  throw invalid(option, `${show(entry)} has no name and value`, "write it as KEY=value; KEY= sets an empty value");
};

export const environment = list(variable, MAX_ARGUMENTS, MAX_ARGUMENTS_BYTES);

/** An absolute path that does not climb. */
export const absolutePath: Check<string> = (option, value) => {
  const path = text(MAX_PATH_BYTES)(option, value);
  if (!path.startsWith("/")) throw invalid(option, `${show(path)} is not absolute`, "start it with /");
  if (path.split("/").includes("..")) throw invalid(option, `${show(path)} holds ..`, "write the path it stands for");
  return path;
};

export const userName: Check<string> = (option, value) => {
  const pattern = /^([0-9]+|[a-zA-Z_][a-zA-Z0-9_.@-]*\$?)(:([0-9]+|[a-zA-Z_][a-zA-Z0-9_.@-]*\$?))?$/;
  const user = text(256, pattern, "write it as user, uid, user:group or uid:gid")(option, value);
  for (const part of user.split(":")) {
    if (/^[0-9]+$/.test(part) && Number(part) > MAX_ID) {
      throw invalid(option, `${part} is no id`, `ids go from 0 to ${MAX_ID}`);
    }
  }
  return user;
};

/** A signal by name, with or without SIG, or by number; as the name or number it was given. */
export const signalName: Check<string> = (option, value) => {
  const name = text(16)(option, value);
  const number = /^[0-9]+$/.test(name)
    ? Number(name)
    : signalNumbers.get(name.toUpperCase().replace(/^(?!SIG)/, "SIG"));
  if (number !== undefined && number >= 1 && number <= LAST_SIGNAL) return name;
  throw invalid(option, `there is no signal ${show(name)}`, "give a name of signal(7), such as SIGTERM, or its number");
};

const signalNumbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));

export const tags: Check<Record<string, string>> = (option, value) => {
  const key = text(
    128,
    /^[a-zA-Z0-9][a-zA-Z0-9_./-]*$/,
    "start a tag's name with a letter or digit and go on with letters, digits, `_`, `.`, `/` and `-`",
  );
  const content = text(256);
  return Object.fromEntries(
    entries(option, value, MAX_TAGS).map(([name, entry]) => [
      key(`${option} name`, name),
      content(`${option}.${name}`, entry),
    ]),
  );
};

const restartFields = object<{ policy: RestartPolicy["policy"]; maxRetries?: number }>(
  { policy: oneOf("never", "always", "on-failure"), maxRetries: integer(0) },
  ["policy"],
);

export const restart: Check<RestartPolicy> = (option, value) => {
  const policy = restartFields(option, value);
  if (policy.maxRetries !== undefined && policy.policy !== "on-failure") {
    throw invalid(`${option}.maxRetries`, `means nothing to ${policy.policy}`, "leave it out, or use on-failure");
  }
  return policy;
};

export const capabilities = list<string>((option, value) => parseCapability(option, text(64)(option, value)), 64);

export const rlimits: Check<Record<string, { soft: number; hard: number }>> = (option, value) => {
  // -1 stands for no limit, as in the OCI runtime spec.
  const limit = object({ soft: integer(-1), hard: integer(-1) }, ["soft", "hard"]);
  const names = Object.keys(rlimitNumbers).map((type) => type.slice("RLIMIT_".length).toLowerCase());
  return Object.fromEntries(
    entries(option, value, names.length).map(([name, entry]) => {
      if (name !== name.toLowerCase() || rlimitType(name) === undefined) {
        throw invalid(option, `there is no resource limit ${show(name)}`, `known are: ${names.join(", ")}`);
      }
      const { soft, hard } = limit(`${option}.${name}`, entry);
      if (hard !== -1 && (soft === -1 || soft > hard)) {
        throw invalid(`${option}.${name}`, "soft is above hard", "lower soft, or raise hard");
      }
      return [name, { soft, hard }];
    }),
  );
};

/** What its texts mean is the meter's to judge. */
export const budget = object<Budget>({ maxSeconds: integer(1), maxCost: text(40), deadline: text(64) });

const ioLimit = object<IoLimit>(
  {
    device: text(MAX_PATH_BYTES),
    readBytesPerSecond: finite,
    writeBytesPerSecond: finite,
    readOperationsPerSecond: finite,
    writeOperationsPerSecond: finite,
  },
  ["device"],
);

export const ioLimits = list(ioLimit, 64);

const mountFields = object<MountOption>(
  {
    type: oneOf("bind", "tmpfs"),
    source: absolutePath,
    target: absolutePath,
    readOnly: flag,
    sizeBytes: integer(1),
    mode: integer(0, 0o7777),
  },
  ["type", "target"],
);

/** Where granule's own file systems hold what programs and the isolation rely on. */
const ownTargets = /^\/($|proc($|\/)|dev($|\/(pts|console|null|zero|full|random|urandom|tty|fd|ptmx|core)($|\/)))/;

const mount: Check<MountOption> = (option, value) => {
  const checked = mountFields(option, value);
  const target = normalizeInside(checked.target);
  if (ownTargets.test(target)) {
    throw invalid(`${option}.target`, `${show(target)} is granule's own`, "mount it at another path");
  }
  if (checked.type === "bind") {
    if (checked.source === undefined) throw invalid(`${option}.source`, "is missing", "name the host path to bind");
    for (const name of ["sizeBytes", "mode"] as const) {
      if (checked[name] !== undefined) throw invalid(`${option}.${name}`, "is for tmpfs only", "leave it out");
    }
  } else if (checked.source !== undefined) {
    throw invalid(`${option}.source`, "means nothing to tmpfs", "leave it out, or use a bind mount");
  }
  return { ...checked, target };
};

export const mounts: Check<MountOption[]> = (option, value) => {
  const checked = list(mount, MAX_MOUNTS)(option, value);
  const seen = new Set<string>();
  for (const [index, { target }] of checked.entries()) {
    if (seen.has(target)) throw invalid(`${option}[${index}].target`, `${show(target)} is taken`, "mount there once");
    seen.add(target);
  }
  return checked;
};

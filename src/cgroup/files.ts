import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { type ErrorCode, GranuleError } from "../errors.js";

const codes: Record<string, ErrorCode> = {
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  EROFS: "PERMISSION_DENIED",
  ENOENT: "NOT_FOUND",
  ENODEV: "NOT_FOUND",
  EBUSY: "FAILED_PRECONDITION",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EINVAL: "INVALID_ARGUMENT",
  ERANGE: "INVALID_ARGUMENT",
};

/** The errno name of something thrown by node:fs or by this folder. */
export function errnoOf(thrown: unknown): string | undefined {
  if (thrown instanceof GranuleError) return thrown.errno;
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** A failed operation on a control file, told with what was attempted. */
export function controlError(what: string, path: string, thrown: unknown): GranuleError {
  const from = GranuleError.from(thrown);
  const errno = from.errno ?? "unknown error";
  const hint =
    errno === "EROFS"
      ? "mount the cgroup file system writable"
      : errno === "EACCES" || errno === "EPERM"
        ? "run granule as root, or in a systemd unit with Delegate=yes"
        : undefined;
  return new GranuleError(codes[errno] ?? "INTERNAL", `${what}: ${errno}`, {
    path,
    ...(from.errno === undefined ? {} : { errno: from.errno }),
    ...(from.syscall === undefined ? {} : { syscall: from.syscall }),
    ...(hint === undefined ? {} : { hint }),
    cause: thrown,
  });
}

/** Writes a value to a control file in one write(2). The file must exist: a cgroup never grows one by O_CREAT. */
export function writeControl(path: string, value: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_WRONLY);
    writeSync(descriptor, value);
  } catch (thrown) {
    throw controlError(`cannot write ${JSON.stringify(value)}`, path, thrown);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The text of a control file, or undefined where the host or the cgroup has no such file. */
export function readControl(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "ENOENT" || errno === "ENODEV" || errno === "ENOTDIR" || errno === "EOPNOTSUPP") return undefined;
    throw controlError("cannot read", path, thrown);
  }
}

/** One number of a flat keyed file (`key value` a line), or undefined where it is not there. */
export function keyedNumber(text: string | undefined, key: string): number | undefined {
  if (text === undefined) return undefined;
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0 && line.slice(0, space) === key) return numberOf(line.slice(space + 1));
  }
  return undefined;
}

/** A file that holds one number; `max` and text that is no number are undefined. */
export function numberOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim();
  return trimmed && /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** The process ids of a cgroup.procs file; none where the cgroup is gone. */
export function readPids(cgroup: string): number[] {
  return (readControl(`${cgroup}/cgroup.procs`) ?? "").split("\n").filter(Boolean).map(Number);
}

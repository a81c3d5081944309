import { type ErrorCode, GranuleError } from "../errors.js";
import type { NativeFailure } from "../native.js";

const notExecutable = new Set([
  "EACCES",
  "ENOEXEC",
  "EISDIR",
  "ELIBBAD",
  "EPERM",
  "ETXTBSY",
  "ELOOP",
  "EINVAL",
  "E2BIG",
]);

const codes: Record<string, ErrorCode> = {
  ENOSPC: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  ENOMEM: "RESOURCE_EXHAUSTED",
  EAGAIN: "RESOURCE_EXHAUSTED",
  EPERM: "PERMISSION_DENIED",
  EACCES: "PERMISSION_DENIED",
};

const hints: [step: RegExp, errno: RegExp, hint: string][] = [
  [
    /overlay/i,
    /EINVAL/,
    "the layers or the upper folder lie on a file system that overlayfs refuses: put GRANULE_ROOT on ext4, xfs or tmpfs",
  ],
  [/overlay/i, /ESTALE|EBUSY/, "the upper folder is in use: end what still mounts it"],
  [
    /mounts private/i,
    /EINVAL/,
    "/ is no mount point, as in a plain chroot: bind mount the folder on itself before the chroot into it",
  ],
  [/bind|mount/i, /ENOENT/, "the source or the target of the mount does not exist"],
  [/clone|unshare|mount|pivot/i, /EPERM/, "run as root with CAP_SYS_ADMIN, outside of an unprivileged container"],
  [/clone/i, /ENOSPC|EUSERS/, "a limit on namespaces is reached: raise /proc/sys/user/max_*_namespaces"],
  [/clone/i, /EAGAIN/, "a limit on processes is reached: raise pids.max or the nproc rlimit"],
  [/rlimit/i, /EPERM/, "the hard limit is above this host's: ask for less, or give granule CAP_SYS_RESOURCE"],
  [/seccomp/i, /.*/, "the kernel refused the system call filter: it needs CONFIG_SECCOMP_FILTER"],
  [/.*/, /ENOSPC/, "the disk, or a limit of the kernel, is full"],
  [/.*/, /EMFILE|ENFILE/, "raise the limit of open files (nofile)"],
];

/** What a failed step of a launch means to the caller. */
export function launchError(failure: NativeFailure, argv0: string): GranuleError {
  const { step, errno, path } = failure;
  const more = { syscall: step, ...(errno === "" ? {} : { errno }), ...(path === "" ? {} : { path }) };
  if (/^exec/i.test(step)) {
    if (errno === "ENOENT" || errno === "ENOTDIR") {
      return new GranuleError("COMMAND_NOT_FOUND", `command not found: ${argv0}`, {
        ...more,
        hint: argv0.includes("/")
          ? "the file, or the interpreter it names, is not in the image"
          : "it is in no folder of the image's PATH",
      });
    }
    if (notExecutable.has(errno)) {
      return new GranuleError("COMMAND_NOT_EXECUTABLE", `command cannot be executed: ${argv0} (${errno})`, {
        ...more,
        hint:
          errno === "ENOEXEC"
            ? "it is no program of this architecture, or a script without a #! line"
            : "check its mode, its type and the size of its arguments",
      });
    }
  }
  const hint = hints.find(([steps, errnos]) => steps.test(step) && errnos.test(errno))?.[2];
  const about = path === "" ? "" : ` (${path})`;
  return new GranuleError(
    codes[errno] ?? "FAILED_PRECONDITION",
    `the container cannot start: ${step}: ${errno}${about}`,
    {
      ...more,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

/** Exit code of a process that never ran: 127 not found, 126 cannot be executed, 125 anything else. */
export function failureExitCode(error: GranuleError): number {
  if (error.code === "COMMAND_NOT_FOUND") return 127;
  return error.code === "COMMAND_NOT_EXECUTABLE" ? 126 : 125;
}

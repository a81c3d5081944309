/** What went wrong, as a caller can act on it. `code` is stable; `message` is for people. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "FAILED_PRECONDITION"
  | "UNSUPPORTED"
  | "PERMISSION_DENIED"
  | "UNAUTHENTICATED"
  | "RESOURCE_EXHAUSTED"
  | "CORRUPT"
  | "UNAVAILABLE"
  | "CANCELLED"
  | "DEADLINE_EXCEEDED"
  | "CURSOR_EXPIRED"
  | "COMMAND_NOT_FOUND"
  | "COMMAND_NOT_EXECUTABLE"
  | "INTERNAL";

/** The parts of an error that exist beside its code and message. */
export interface ErrorDetails {
  /** What the reader can do about it. */
  hint?: string;
  /** The step or system call that failed, as its man page names it. */
  syscall?: string;
  /** Symbolic errno, such as `ENOENT`. */
  errno?: string;
  path?: string;
  /** Whether the same call may succeed later. */
  retryable?: boolean;
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error class of granule, the same in-process and over the channel. */
export class GranuleError extends Error {
  override readonly name = "GranuleError";
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly syscall?: string;
  readonly errno?: string;
  readonly path?: string;
  readonly retryable: boolean;
  readonly details?: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, more: ErrorDetails = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    if (more.hint !== undefined) this.hint = more.hint;
    if (more.syscall !== undefined) this.syscall = more.syscall;
    if (more.errno !== undefined) this.errno = more.errno;
    if (more.path !== undefined) this.path = more.path;
    if (more.details !== undefined) this.details = more.details;
    this.retryable = more.retryable ?? false;
  }

  /** Wraps whatever was thrown, so that callers see one class. A GranuleError comes back as it is. */
  static from(thrown: unknown, code: ErrorCode = "INTERNAL"): GranuleError {
    if (thrown instanceof GranuleError) return thrown;
    if (!(thrown instanceof Error)) return new GranuleError(code, String(thrown), { cause: thrown });
    const system = thrown as Error & { code?: unknown; syscall?: unknown; path?: unknown };
    const more: ErrorDetails = { cause: thrown };
    if (typeof system.code === "string") more.errno = system.code;
    if (typeof system.syscall === "string") more.syscall = system.syscall;
    if (typeof system.path === "string") more.path = system.path;
    return new GranuleError(code, thrown.message, more);
  }
}

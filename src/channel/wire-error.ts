import { type ErrorCode, type ErrorDetails, GranuleError } from "../errors.js";

/** An error as it travels. */
export interface WireError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  hint?: string;
  errno?: string;
  syscall?: string;
  path?: string;
  details?: Record<string, unknown>;
}

const CODES: Readonly<Record<ErrorCode, true>> = {
  INVALID_ARGUMENT: true,
  NOT_FOUND: true,
  ALREADY_EXISTS: true,
  FAILED_PRECONDITION: true,
  UNSUPPORTED: true,
  PERMISSION_DENIED: true,
  UNAUTHENTICATED: true,
  RESOURCE_EXHAUSTED: true,
  CORRUPT: true,
  UNAVAILABLE: true,
  CANCELLED: true,
  DEADLINE_EXCEEDED: true,
  CURSOR_EXPIRED: true,
  COMMAND_NOT_FOUND: true,
  COMMAND_NOT_EXECUTABLE: true,
  INTERNAL: true,
};

/** The error as it travels; causes and stacks stay at home. */
export function errorToWire(error: GranuleError): WireError {
  const wire: WireError = { code: error.code, message: error.message, retryable: error.retryable };
  if (error.hint !== undefined) wire.hint = error.hint;
  if (error.errno !== undefined) wire.errno = error.errno;
  if (error.syscall !== undefined) wire.syscall = error.syscall;
  if (error.path !== undefined) wire.path = error.path;
  if (error.details !== undefined) wire.details = error.details;
  return wire;
}

/** The error that a peer sent. A code from a newer peer becomes INTERNAL, with the code kept in `details`. */
export function errorFromWire(value: unknown): GranuleError {
  const wire: Record<string, unknown> = isRecord(value) ? value : {};
  const known = isErrorCode(wire["code"]);
  const more: ErrorDetails = { retryable: wire["retryable"] === true };
  for (const field of ["hint", "errno", "syscall", "path"] as const) {
    const text = wire[field];
    if (typeof text === "string") more[field] = text;
  }
  if (isRecord(wire["details"])) more.details = wire["details"];
  if (!known) more.details = { ...more.details, peerCode: wire["code"] };
  const message = typeof wire["message"] === "string" ? wire["message"] : "the peer sent an error without a message";
  return new GranuleError(known ? (wire["code"] as ErrorCode) : "INTERNAL", message, more);
}

/** Whether a value is one of the codes this version knows. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(CODES, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

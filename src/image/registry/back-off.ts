import { setTimeout as delay } from "node:timers/promises";
import { GranuleError } from "../../errors.js";
import type { RegistrySettings } from "./settings.js";

/** Statuses after which the same request may succeed. */
const PASSING_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Failures of a connection, by their `code`, after which the same request may succeed. */
const PASSING_CODES = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "HPE_INVALID_EOF_STATE",
]);

export function isPassingStatus(status: number): boolean {
  return PASSING_STATUSES.has(status);
}

/** Whether a connection failed in a way that passes. */
export function isPassingFailure(thrown: unknown): boolean {
  return PASSING_CODES.has(failureCode(thrown));
}

/** The code of the innermost failure that has one: connections wrap what the kernel said. */
export function failureCode(thrown: unknown): string {
  let found = "";
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
    const code = failureCode(inner) || (error as NodeJS.ErrnoException).code;
    if (typeof code === "string") found = code;
  }
  return found;
}

/** Counts attempts at one thing, and waits between them: longer each time, with chance in it, or as the server asks. */
export class BackOff {
  readonly #settings: RegistrySettings;
  #failures = 0;

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  /** What was tried got on: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Waits before the next attempt.
   * @param retryAfter the header of that name (RFC 9110, 10.2.3): seconds, or a date
   * @returns false where there is to be no further attempt
   * @throws GranuleError CANCELLED
   */
  async again(signal: AbortSignal, retryAfter?: string): Promise<boolean> {
    const { attempts, firstPauseMs, longestPauseMs, longestRetryAfterMs } = this.#settings;
    this.#failures += 1;
    if (this.#failures >= attempts) return false;
    const own = Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs) * (0.5 + Math.random() / 2);
    const asked = retryAfter === undefined ? undefined : retryAfterMs(retryAfter);
    if (asked !== undefined && asked > longestRetryAfterMs) return false;
    await pause(Math.max(own, asked ?? 0), signal);
    return true;
  }
}

/** Milliseconds that a Retry-After asks for; undefined where it is not understood. */
export function retryAfterMs(value: string, now: number = Date.now()): number | undefined {
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (thrown) {
    throw cancelled(thrown);
  }
}

export function cancelled(cause?: unknown): GranuleError {
  return new GranuleError("CANCELLED", "the pull was cancelled", { cause });
}

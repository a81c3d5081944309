import type { ExitStatus, RestartPolicy } from "../api.js";

const firstDelayMs = 100;
const longestDelayMs = 60_000;
const healthyAfterMs = 10_000;

/** Delay of the restarts of one container: doubles from 100 ms to a minute, starts over once it ran for 10 s. */
export class RestartBackoff {
  #delayMs = firstDelayMs;
  #failures = 0;

  /** Milliseconds to wait before the next start; undefined where the policy wants none. */
  next(policy: RestartPolicy | undefined, exit: ExitStatus, ranMs: number): number | undefined {
    if (ranMs >= healthyAfterMs) this.reset();
    if (policy === undefined || policy.policy === "never") return undefined;
    if (policy.policy === "on-failure") {
      if (exit.code === 0) return undefined;
      if (policy.maxRetries !== undefined && this.#failures >= policy.maxRetries) return undefined;
    }
    const delayMs = this.#delayMs;
    this.#failures++;
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs);
    return delayMs;
  }

  reset(): void {
    this.#delayMs = firstDelayMs;
    this.#failures = 0;
  }
}

import { createHash } from "node:crypto";
import { GranuleError } from "../errors.js";
import type { CallStore } from "../state/call-store.js";
import type { ChannelLimits } from "./limits.js";
import { errorFromWire, errorToWire, type WireError } from "./wire-error.js";

/** A call that is to happen once. */
export interface KeyedCall {
  principal: string;
  key: string;
  method: string;
  params: unknown;
}

/** What a call gave: the answer to its caller, and what a repetition of the call gets. */
export interface Done {
  result: unknown;
  /** Absent where it is the result itself. */
  remembered?: Promise<unknown>;
}

type Outcome = { result: unknown } | { error: WireError };

interface Running {
  digest: string;
  /** Undefined where nothing came of the call that holds for a repetition. */
  outcome: Promise<Outcome | undefined>;
}

/**
 * Makes calls with an idempotency key happen once: a repetition waits for the first one or gets what came of it, on any
 * connection of the same principal, and after a restart where the store outlives it.
 */
export class KeyedCalls {
  readonly #store: CallStore;
  readonly #kept: { keptMs: number; most: number };
  readonly #running = new Map<string, Running>();

  constructor(store: CallStore, limits: ChannelLimits) {
    this.#store = store;
    this.#kept = { keptMs: limits.idempotencyKeyMs, most: limits.maxIdempotencyKeys };
  }

  /** @throws what the call throws, or threw when it was made. */
  async once(call: KeyedCall, run: () => Promise<Done>): Promise<{ result: unknown; replayed: boolean }> {
    const place = `${call.principal}\0${call.key}`;
    const digest = digestOf(call);
    for (;;) {
      const running = this.#running.get(place);
      if (running === undefined) break;
      if (running.digest !== digest) throw otherCall(call);
      const outcome = await running.outcome;
      if (outcome !== undefined) return replay(outcome);
    }
    const kept = this.#store.find(call.principal, call.key);
    if (kept !== undefined) {
      if (kept.params !== digest) throw otherCall(call);
      if (kept.outcome === undefined) throw unknownOutcome();
      return replay(JSON.parse(kept.outcome) as Outcome);
    }
    this.#store.begin(call.principal, call.key, { method: call.method, params: digest }, this.#kept);
    const first = Promise.resolve().then(run);
    const outcome = first.then(async (done) => ({ result: (await done.remembered) ?? done.result })).catch(failed);
    const settled = outcome.then((found) => this.#settle(call, place, found));
    // Who waits for it gets its failure; a call may end when its runtime and the store are closed and nobody waits.
    settled.catch(() => {});
    this.#running.set(place, { digest, outcome: settled });
    // An answer that is the outcome itself goes out once it is written down.
    const done = await first.catch(async (thrown: unknown) => {
      await settled;
      throw thrown;
    });
    if (done.remembered === undefined) await settled;
    return { result: done.result, replayed: false };
  }

  #settle(call: KeyedCall, place: string, outcome: Outcome | undefined): Outcome | undefined {
    this.#running.delete(place);
    if (outcome === undefined) this.#store.forget(call.principal, call.key);
    else this.#store.finish(call.principal, call.key, JSON.stringify(outcome));
    return outcome;
  }
}

/** The error as an outcome, where the same call would fail again. */
function failed(thrown: unknown): Outcome | undefined {
  const error = GranuleError.from(thrown);
  if (error.retryable || error.code === "CANCELLED" || error.code === "DEADLINE_EXCEEDED") return undefined;
  return { error: errorToWire(error) };
}

/** An error of a call that was made before. */
export class ReplayedError extends Error {
  readonly error: GranuleError;

  constructor(error: GranuleError) {
    super(error.message);
    this.error = error;
  }
}

function replay(outcome: Outcome): { result: unknown; replayed: boolean } {
  if ("error" in outcome) throw new ReplayedError(errorFromWire(outcome.error));
  return { result: outcome.result, replayed: true };
}

function digestOf({ method, params }: KeyedCall): string {
  return createHash("sha256").update(method).update("\0").update(JSON.stringify(params, sorted)).digest("base64");
}

/** Maps with their keys in order, so that the same params have the same text. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function otherCall({ key }: KeyedCall): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `the idempotency key ${key} was used for another call`, {
    hint: "use a new key for each call, and the same one to repeat it",
  });
}

function unknownOutcome(): GranuleError {
  return new GranuleError("UNAVAILABLE", "the server ended while this call was under way: what came of it is unknown", {
    hint: "look whether it was done, then call again with a new key",
  });
}

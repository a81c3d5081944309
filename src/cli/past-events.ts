import type { Runtime, RuntimeEvent } from "../api.js";
import { GranuleError } from "../errors.js";

/** The events that the owner still holds. */
interface Held {
  epoch: string;
  /** The cursor before the first of them. */
  oldest: number;
  latest: number;
}

/** A cursor of no epoch is refused with what there is instead: that is how a reader without one learns where to begin. */
async function held(runtime: Runtime): Promise<Held> {
  try {
    for await (const _ of runtime.events({ after: { epoch: "", seq: 0 } })) break;
  } catch (thrown) {
    const details = thrown instanceof GranuleError && thrown.code === "CURSOR_EXPIRED" ? thrown.details : undefined;
    const { epoch, oldest, latest } = (details ?? {}) as Partial<Held>;
    if (epoch !== undefined && oldest !== undefined && latest !== undefined) return { epoch, oldest, latest };
    throw thrown;
  }
  throw new GranuleError("INTERNAL", "the owner took a cursor of no epoch");
}

export interface EventSpan {
  /** ISO 8601 UTC; without it, from now on. */
  since?: string;
  /** ISO 8601 UTC; without it, for ever. */
  until?: string;
}

/** Events of a span of time, of the past as far as the owner holds it. */
export async function* eventsBetween(runtime: Runtime, span: EventSpan): AsyncGenerator<RuntimeEvent> {
  const { since, until } = span;
  if (since === undefined && until === undefined) return yield* runtime.events();
  const past = await held(runtime);
  const { epoch } = past;
  const after = { epoch, seq: since === undefined ? past.latest : past.oldest };
  const left = until === undefined ? undefined : Date.parse(until) - Date.now();
  // What is over already ends with the last event there is, and not with a clock.
  if (left !== undefined && left <= 0 && after.seq >= past.latest) return;
  const ends = left === undefined || left <= 0 ? undefined : AbortSignal.timeout(left);
  for await (const event of runtime.events({ after, ...(ends ? { signal: ends } : {}) })) {
    if (until !== undefined && event.time > until) return;
    if (since === undefined || event.time >= since) yield event;
    if (left !== undefined && left <= 0 && event.seq >= past.latest) return;
  }
}

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
export function eventsBetween(runtime: Runtime, span: EventSpan): AsyncIterable<RuntimeEvent> {
  return span.since === undefined && span.until === undefined ? runtime.events() : spanned(runtime, span);
}

async function* spanned(runtime: Runtime, { since = "", until }: EventSpan): AsyncGenerator<RuntimeEvent> {
  const past = await held(runtime);
  const seq = since === "" ? past.latest : past.oldest;
  const left = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until) - Date.now();
  // A span that is over ends with the last event there is, and not by a clock.
  const over = left <= 0;
  if (over && seq >= past.latest) return;
  const signal = Number.isFinite(left) && !over ? { signal: AbortSignal.timeout(left) } : {};
  for await (const event of runtime.events({ after: { epoch: past.epoch, seq }, ...signal })) {
    if (until !== undefined && event.time > until) break;
    if (event.time >= since) yield event;
    if (over && event.seq >= past.latest) break;
  }
}

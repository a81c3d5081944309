import type { Runtime, RuntimeEvent } from "../../api.js";
import { EventLog, type EventReadOptions } from "../../runtime/events.js";
import { selects, type Tags } from "./selector.js";

/** Events kept for resuming, for each selector that was ever subscribed with. */
const KEPT_EVENTS = 2000;

const logs = new WeakMap<Runtime, Map<string, EventLog>>();

/**
 * The events of containers with a selector's tags, with numbers and an epoch of their own: holes in the host's numbers
 * would tell what else happens on it. All with the same selector share them, so that a cursor outlives its connection.
 */
export function scopedEvents(
  runtime: Runtime,
  selector: Tags,
  options?: EventReadOptions,
): AsyncIterable<RuntimeEvent> {
  const ofRuntime = logs.get(runtime) ?? new Map<string, EventLog>();
  logs.set(runtime, ofRuntime);
  const key = JSON.stringify(Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1)));
  let log = ofRuntime.get(key);
  if (log === undefined) {
    log = new EventLog(KEPT_EVENTS);
    ofRuntime.set(key, log);
    const filled = log;
    void fill(filled, runtime.events(), selector).finally(() => {
      filled.close();
      if (ofRuntime.get(key) === filled) ofRuntime.delete(key);
    });
  }
  return log.read(options);
}

async function fill(log: EventLog, events: AsyncIterable<RuntimeEvent>, selector: Tags): Promise<void> {
  try {
    for await (const { epoch: _epoch, seq: _seq, ...event } of events) {
      if (event.type === "container" && selects(selector, event.tags)) log.publish(event);
    }
  } catch {
    // It fell too far behind. Its readers are ended, and find a new epoch when they come again.
  }
}

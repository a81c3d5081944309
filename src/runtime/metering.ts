import type { Budget, Sample, Usage } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import type { Moment } from "../meter/moment.js";
import type { ContainerRecord } from "../state/container-store.js";
import type { ProcessEnd } from "./monitor-watch.js";

/** What the lifecycle tells the meter, and what readers get from it. */
export interface Metering {
  readonly usage: Usage;
  /** @throws GranuleError FAILED_PRECONDITION where a budget is used up, INVALID_ARGUMENT where one is none */
  admit(id: string, tags: Record<string, string> | undefined, budget: Budget | undefined): void;
  /** @param started as its monitor has it */
  start(record: ContainerRecord, cgroup: ContainerCgroup, started: Moment): void;
  /** Goes on with a container that an earlier owner started. */
  resume(record: ContainerRecord, cgroup: ContainerCgroup, started: Moment): void;
  resize(record: ContainerRecord): void;
  /** Its record is on disk with the next flush, and found again by the exit record until then; doing it again changes nothing. */
  stop(record: ContainerRecord, end: ProcessEnd, oomKilled: boolean): void;
  flush(): void;
  /** Why a budget has ended a container that is still stopping. */
  budgetReason(id: string): string | undefined;
  samples(options: { id?: string; signal?: AbortSignal }): AsyncIterable<Sample>;
  close(): void;
}

import type { Sample, UsageFilter, UsageRecord } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import type { ContainerRecord } from "../state/container-store.js";
import type { ProcessEnd } from "./monitor-watch.js";

/** What the lifecycle tells the meter, and what readers get from it. */
export interface Metering {
  start(record: ContainerRecord, cgroup: ContainerCgroup): void;
  /** Goes on with a container that an earlier owner started. */
  resume(record: ContainerRecord, cgroup: ContainerCgroup): void;
  resize(record: ContainerRecord): void;
  stop(record: ContainerRecord, end: ProcessEnd): void;
  samples(options: { id?: string; signal?: AbortSignal }): AsyncIterable<Sample>;
  usage(filter?: UsageFilter): UsageRecord[];
  close(): void;
}

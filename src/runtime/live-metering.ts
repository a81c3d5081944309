import { readFileSync } from "node:fs";
import type { Sample, UsageFilter, UsageRecord } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import { type Allocation, Ledger, type RunEnd, type Used } from "../meter/ledger.js";
import { type Reading, Sampler } from "../meter/samples.js";
import type { Moment } from "../meter/segments.js";
import { native } from "../native.js";
import type { ContainerRecord } from "../state/container-store.js";
import type { Database } from "../state/database.js";
import type { Metering } from "./metering.js";
import type { ProcessEnd } from "./monitor-watch.js";

/** Seconds between two notes of what runs have used: what the death of the owner may lose of it. */
const noteSeconds = 10;

/** Longest time in seconds that one sample of memory stands for; a gap is unknown, not a guess. */
const maxSampleSeconds = 5;

/** What is not in the ledger yet of one running container. */
interface Tally {
  cpuUsec?: number;
  memoryByteSeconds?: number;
  seen: Moment;
}

const wallNs = () => BigInt(Date.now()) * 1_000_000n;

function allocationOf({ id, name, image, options }: ContainerRecord): Allocation {
  return {
    id,
    name,
    image,
    tags: options.tags ?? {},
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
    ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
  };
}

/** The sampler and the ledger, as the life of containers moves them. */
export class LiveMetering implements Metering {
  readonly #ledger: Ledger;
  readonly #sampler: Sampler;
  readonly #tallies = new Map<string, Tally>();
  readonly #warn: (what: string, thrown: unknown) => void;
  #ticks = 0;

  /** @param warn told of what fails here: a container never fails for its meter */
  constructor(database: Database, warn: (what: string, thrown: unknown) => void) {
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    this.#warn = warn;
    this.#ledger = new Ledger(database, bootId, () => native().boottimeNs());
    this.#sampler = new Sampler((readings) => this.#tick(readings));
  }

  start(record: ContainerRecord, cgroup: ContainerCgroup): void {
    this.#begin(record, cgroup, true);
  }

  resume(record: ContainerRecord, cgroup: ContainerCgroup): void {
    if (record.state === "running" || record.state === "paused") this.#begin(record, cgroup, false);
  }

  resize(record: ContainerRecord): void {
    this.#guard("cannot note the new size", () => {
      const used = this.#sampler.current(record.id);
      this.#ledger.cut(allocationOf(record), this.#now(), this.#take(record.id, used?.cpu.usageUsec));
    });
  }

  stop(record: ContainerRecord, end: ProcessEnd): void {
    this.#guard("cannot close the usage record", () => {
      const tally = this.#tallies.get(record.id);
      this.#sampler.remove(record.id);
      const used = this.#take(record.id, end.kind === "exit" ? end.counters["cpuUsec"] : undefined);
      this.#ledger.close(allocationOf(record), runEnd(end), used, tally?.seen);
    });
    this.#tallies.delete(record.id);
  }

  samples(options: { id?: string; signal?: AbortSignal }): AsyncIterable<Sample> {
    return this.#sampler.subscribe(options);
  }

  usage(filter?: UsageFilter): UsageRecord[] {
    return this.#ledger.query(filter);
  }

  close(): void {
    this.#sampler.close();
    this.#note();
    this.#tallies.clear();
  }

  #begin(record: ContainerRecord, cgroup: ContainerCgroup, fresh: boolean): void {
    const now = this.#now();
    this.#guard("cannot open the usage record", () => {
      const age = record.startedAt === undefined ? 0 : Math.max(0, Date.now() - Date.parse(record.startedAt));
      const ageNs = BigInt(age) * 1_000_000n;
      this.#ledger.open(allocationOf(record), { wallNs: now.wallNs - ageNs, bootNs: now.bootNs - ageNs });
    });
    this.#tallies.set(record.id, { seen: now });
    this.#guard("cannot sample the container", () => {
      const ownNetwork = record.options.network !== "host" && record.pid !== undefined;
      const target = { ...cgroup.samplerPaths, ...(ownNetwork ? { pid: record.pid as number } : {}) };
      this.#sampler.add(record.id, target, fresh);
    });
  }

  #tick(readings: Iterable<Reading>): void {
    const now = this.#now();
    for (const { id, usageUsec, memoryBytes } of readings) {
      const tally = this.#tallies.get(id);
      if (!tally) continue;
      tally.cpuUsec = usageUsec;
      if (!Number.isNaN(memoryBytes)) {
        const seconds = Math.min(Number(now.bootNs - tally.seen.bootNs) / 1e9, maxSampleSeconds);
        tally.memoryByteSeconds = (tally.memoryByteSeconds ?? 0) + memoryBytes * seconds;
      }
      tally.seen = now;
    }
    if (++this.#ticks % noteSeconds === 0) this.#note();
  }

  #note(): void {
    if (this.#tallies.size === 0) return;
    this.#guard("cannot note what containers use", () => {
      this.#ledger.note(new Map([...this.#tallies.keys()].map((id) => [id, this.#take(id, undefined)])));
    });
  }

  /** What the ledger does not know yet; memory over time is handed over once. */
  #take(id: string, cpuUsec: number | undefined): Used {
    const tally = this.#tallies.get(id);
    const cpu = cpuUsec ?? tally?.cpuUsec;
    const memory = tally?.memoryByteSeconds;
    if (tally) delete tally.memoryByteSeconds;
    return {
      ...(cpu === undefined ? {} : { cpuUsec: cpu }),
      ...(memory === undefined ? {} : { memoryByteSeconds: memory }),
    };
  }

  #now(): Moment {
    return { wallNs: wallNs(), bootNs: native().boottimeNs() };
  }

  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#warn(what, thrown);
    }
  }
}

function runEnd(end: ProcessEnd): RunEnd | undefined {
  if (end.kind !== "exit" || end.exit.startedBootNs === 0n || end.exit.finishedBootNs === 0n) return undefined;
  const { startedNs, startedBootNs, finishedNs, finishedBootNs } = end.exit;
  return {
    started: { wallNs: startedNs, bootNs: startedBootNs },
    ended: { wallNs: finishedNs, bootNs: finishedBootNs },
  };
}

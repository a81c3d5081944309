import { readFileSync } from "node:fs";
import type { Budget, Sample } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import { GranuleError } from "../errors.js";
import type { RunEnd } from "../meter/ledger.js";
import { LocalUsage } from "../meter/local-usage.js";
import { Meter, type MeterReading } from "../meter/meter.js";
import { type Moment, now } from "../meter/moment.js";
import type { SampleRow } from "../meter/sample.js";
import { type Reading, Sampler } from "../meter/samples.js";
import type { Allocation, Used } from "../meter/segment.js";
import type { Counters } from "../meter/tally.js";
import { observe } from "../meter/telemetry.js";
import type { ContainerRecord } from "../state/container-store.js";
import type { Metering } from "./metering.js";
import type { ProcessEnd } from "./monitor-watch.js";

export interface MeteringOptions {
  /** The ledger's file. */
  path: string;
  /** Told of what fails here: a container never fails for its meter. */
  warn: (what: string, thrown: unknown) => void;
  onExhausted: (id: string, reason: string) => void;
  /** As MeterOptions has it. */
  onPending?: () => void;
}

/** The sampler and the meter, as the life of containers moves them. */
export class LiveMetering implements Metering {
  readonly usage: LocalUsage;
  readonly #meter: Meter;
  readonly #sampler: Sampler;
  readonly #warn: MeteringOptions["warn"];
  readonly #unobserve: () => void;

  constructor({ path, warn, onExhausted, onPending }: MeteringOptions) {
    this.#warn = warn;
    this.#meter = new Meter({
      path,
      bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
      now,
      onProblem: (message, hint) => warn("usage", problem(message, hint)),
      onExhausted,
      ...(onPending === undefined ? {} : { onPending }),
    });
    this.usage = new LocalUsage(this.#meter);
    this.#sampler = new Sampler(
      (readings) => this.#tick(readings),
      (thrown) => warn("cannot sample the container", thrown),
    );
    this.#unobserve = observe(this.#meter);
  }

  admit(id: string, tags: Record<string, string> = {}, budget?: Budget): void {
    this.#meter.admit(id, tags, budget);
  }

  start(record: ContainerRecord, cgroup: ContainerCgroup, started: Moment): void {
    this.#begin(record, cgroup, started, true);
  }

  resume(record: ContainerRecord, cgroup: ContainerCgroup, started: Moment): void {
    if (record.state === "running" || record.state === "paused") this.#begin(record, cgroup, started, false);
  }

  resize(record: ContainerRecord): void {
    this.#guard("cannot note the new size", () => {
      this.#meter.resize(allocationOf(record), this.#sampler.row(record.id)?.usageUsec);
    });
  }

  stop(record: ContainerRecord, end: ProcessEnd, oomKilled: boolean): void {
    this.#guard("cannot close the usage record", () => {
      const used = end.kind === "exit" ? finalCounters(end.counters) : this.#lastNetwork(record.id);
      this.#sampler.remove(record.id);
      this.#meter.end(allocationOf(record), runEnd(end), used, oomKilled ? "oom" : "exit");
    });
  }

  flush(): void {
    this.#guard("cannot write usage records", () => this.#meter.flush());
  }

  budgetReason(id: string): string | undefined {
    return this.#meter.reason(id);
  }

  samples(options: { id?: string; signal?: AbortSignal }): AsyncIterable<Sample> {
    return this.#sampler.subscribe(options);
  }

  close(): void {
    this.#unobserve();
    this.#sampler.close();
    this.#guard("cannot write what containers use", () => this.#meter.close());
  }

  #begin(record: ContainerRecord, cgroup: ContainerCgroup, started: Moment, fresh: boolean): void {
    this.#guard("cannot open the usage record", () => {
      this.#meter.begin(allocationOf(record), started, record.options.budget);
    });
    this.#guard("cannot sample the container", () => {
      const ownNetwork = record.options.network !== "host" && record.pid !== undefined;
      const target = { ...cgroup.samplerPaths, ...(ownNetwork ? { pid: record.pid as number } : {}) };
      this.#sampler.add(record.id, target, fresh, () => cgroup.populated);
    });
  }

  #tick(readings: Iterable<Reading>): void {
    this.#guard("cannot meter this second", () => {
      const read = [...readings];
      this.#meter.tick(meterReadings(read), read[0]?.row.seconds);
    });
  }

  /** A network namespace is there for as long as its counters are open, beyond its last process. */
  #lastNetwork(id: string): Used {
    const row = this.#sampler.row(id);
    const rxBytes = row?.at(row.columns.netRxBytes) ?? Number.NaN;
    const txBytes = row?.at(row.columns.netTxBytes) ?? Number.NaN;
    return Number.isNaN(rxBytes) ? {} : { rxBytes, txBytes };
  }

  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#warn(what, thrown);
    }
  }
}

function problem(message: string, hint: string | undefined): GranuleError {
  return new GranuleError("UNAVAILABLE", message, hint === undefined ? {} : { hint });
}

const absent: Counters = {
  usageUsec: Number.NaN,
  memoryBytes: Number.NaN,
  memoryPeakBytes: Number.NaN,
  rxBytes: Number.NaN,
  txBytes: Number.NaN,
  readBytes: Number.NaN,
  writeBytes: Number.NaN,
};

/** One object for all: the meter keeps none of it. */
function* meterReadings(readings: Iterable<Reading>): Generator<MeterReading> {
  const reading: MeterReading = { id: "", counters: { ...absent } };
  for (const { id, row } of readings) {
    reading.id = id;
    readCounters(row, reading.counters);
    yield reading;
  }
}

function readCounters(row: SampleRow, into: Counters): void {
  const { columns } = row;
  into.usageUsec = row.usageUsec;
  into.memoryBytes = row.at(columns.memoryCurrent);
  into.memoryPeakBytes = row.at(columns.memoryPeak);
  into.rxBytes = row.at(columns.netRxBytes);
  into.txBytes = row.at(columns.netTxBytes);
  into.readBytes = row.at(columns.ioReadBytes);
  into.writeBytes = row.at(columns.ioWriteBytes);
}

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

/** What an exit record tells of a run's use; a counter that the host lacks is absent. */
function finalCounters(counters: Record<string, number>): Used {
  const used: Used = {};
  const names = {
    cpuUsec: "cpuUsec",
    memoryPeakBytes: "memoryPeakBytes",
    ioReadBytes: "readBytes",
    ioWriteBytes: "writeBytes",
    rxBytes: "rxBytes",
    txBytes: "txBytes",
  } as const;
  for (const [counter, name] of Object.entries(names)) {
    const value = counters[counter];
    if (value !== undefined) used[name] = value;
  }
  return used;
}

function runEnd(end: ProcessEnd): RunEnd | undefined {
  if (end.kind !== "exit" || end.exit.startedBootNs === 0n || end.exit.finishedBootNs === 0n) return undefined;
  const { startedNs, startedBootNs, finishedNs, finishedBootNs } = end.exit;
  return {
    started: { wallNs: startedNs, bootNs: startedBootNs },
    ended: { wallNs: finishedNs, bootNs: finishedBootNs },
  };
}

import { Counter, Gauge, Registry } from "prom-client";
import type { Meter } from "./meter.js";

/** Containers that have series of their own; beyond, the busiest do, so that the number of series stays bounded. */
const mostContainers = 500;

const labels = ["id", "name", "image"] as const;

/** The meter as Prometheus metrics, by its conventions: base units, `_total` for what only grows. */
export class MeterMetrics {
  readonly #registry = new Registry();
  readonly #meter: Meter;
  readonly #counters = new Map<string, Counter<(typeof labels)[number]>>();
  readonly #gauges = new Map<string, Gauge<(typeof labels)[number]>>();
  readonly #totals = new Map<string, Gauge>();
  readonly #ticks: Counter;
  readonly #missed: Counter;

  constructor(meter: Meter) {
    this.#meter = meter;
    const counters: [name: string, help: string][] = [
      ["cpu_seconds_total", "CPU time used since the start."],
      ["network_receive_bytes_total", "Bytes received."],
      ["network_transmit_bytes_total", "Bytes sent."],
      ["io_read_bytes_total", "Bytes read from block devices."],
      ["io_write_bytes_total", "Bytes written to block devices."],
    ];
    for (const [name, help] of counters) {
      const metric = new Counter({
        name: `granule_container_${name}`,
        help,
        labelNames: labels,
        registers: [this.#registry],
      });
      this.#counters.set(name, metric);
    }
    const gauges: [name: string, help: string][] = [
      ["memory_bytes", "Memory charged to the container now."],
      ["memory_peak_bytes", "Highest memory since the start."],
      ["allocated_vcpus", "vCPUs allocated."],
      ["allocated_memory_bytes", "Memory allocated."],
    ];
    for (const [name, help] of gauges) {
      const metric = new Gauge({
        name: `granule_container_${name}`,
        help,
        labelNames: labels,
        registers: [this.#registry],
      });
      this.#gauges.set(name, metric);
    }
    const totals: [name: string, help: string][] = [
      ["containers_running", "Containers that are metered."],
      ["allocated_vcpus", "vCPUs allocated to all of them."],
      ["allocated_memory_bytes", "Memory allocated to all of them."],
      ["ledger_records", "Usage records in the ledger."],
      ["ledger_pending_writes", "Writes that the disk has not taken yet."],
      ["sampler_jitter_seconds", "How late the last tick was read after its whole second."],
    ];
    for (const [name, help] of totals) {
      this.#totals.set(name, new Gauge({ name: `granule_${name}`, help, registers: [this.#registry] }));
    }
    this.#ticks = new Counter({
      name: "granule_sampler_ticks_total",
      help: "Ticks of the sampler.",
      registers: [this.#registry],
    });
    this.#missed = new Counter({
      name: "granule_sampler_missed_ticks_total",
      help: "Whole seconds without a tick.",
      registers: [this.#registry],
    });
  }

  /** Text exposition format 0.0.4. */
  async render(): Promise<string> {
    this.#readContainers();
    this.#readTotals();
    return this.#registry.metrics();
  }

  #readContainers(): void {
    for (const metric of [...this.#counters.values(), ...this.#gauges.values()]) metric.reset();
    const { tallies, store } = this.#meter;
    const read = [...tallies].map(([id, { used, memoryBytes }]) => ({ id, used, memoryBytes }));
    const busiest =
      read.length <= mostContainers
        ? read
        : read.sort((a, b) => (b.used.cpuUsec ?? 0) - (a.used.cpuUsec ?? 0)).slice(0, mostContainers);
    for (const { id, used, memoryBytes } of busiest) {
      const segment = store.segments.get(id);
      if (!segment) continue;
      const label = { id: id.slice(0, 12), name: segment.name, image: segment.image };
      const count = (name: string, value: number | undefined) => {
        if (value !== undefined) this.#counters.get(name)?.inc(label, value);
      };
      const set = (name: string, value: number | null | undefined) => {
        if (value !== undefined && value !== null) this.#gauges.get(name)?.set(label, value);
      };
      count("cpu_seconds_total", used.cpuUsec === undefined ? undefined : used.cpuUsec / 1e6);
      count("network_receive_bytes_total", used.rxBytes);
      count("network_transmit_bytes_total", used.txBytes);
      count("io_read_bytes_total", used.readBytes);
      count("io_write_bytes_total", used.writeBytes);
      set("memory_bytes", memoryBytes);
      set("memory_peak_bytes", used.memoryPeakBytes);
      set("allocated_vcpus", segment.cpuMilli === null ? null : segment.cpuMilli / 1000);
      set("allocated_memory_bytes", segment.memoryBytes);
    }
  }

  #readTotals(): void {
    const { store, tallies, ticks } = this.#meter;
    const segments = [...store.segments.values()].filter(({ id }) => tallies.has(id));
    const values: Record<string, number> = {
      containers_running: tallies.size,
      allocated_vcpus: segments.reduce((sum, { cpuMilli }) => sum + (cpuMilli ?? 0), 0) / 1000,
      allocated_memory_bytes: segments.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0),
      ledger_records: store.head.record,
      ledger_pending_writes: store.pendingWrites,
      sampler_jitter_seconds: ticks.lastJitterMs / 1000,
    };
    for (const [name, gauge] of this.#totals) gauge.set(values[name] ?? 0);
    for (const counter of [this.#ticks, this.#missed]) counter.reset();
    this.#ticks.inc(ticks.ticks);
    this.#missed.inc(ticks.missed);
  }
}

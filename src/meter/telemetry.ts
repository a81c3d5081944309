import { type Attributes, type BatchObservableResult, metrics, type Observable } from "@opentelemetry/api";
import type { Meter } from "./meter.js";

/**
 * The meter as OpenTelemetry metrics, by the names of its semantic conventions for containers. It speaks to the API
 * alone: where the embedding program has set up no SDK, nothing is gathered and nothing sent. Returns what ends it.
 */
export function observe(meter: Meter): () => void {
  const source = metrics.getMeter("granule");
  const cpu = source.createObservableCounter("container.cpu.time", { unit: "s", description: "CPU time used" });
  const memory = source.createObservableGauge("container.memory.usage", { unit: "By", description: "Memory charged" });
  const network = source.createObservableCounter("container.network.io", {
    unit: "By",
    description: "Network traffic",
  });
  const disk = source.createObservableCounter("container.disk.io", { unit: "By", description: "Block device traffic" });
  const instruments: Observable[] = [cpu, memory, network, disk];
  const callback = (result: BatchObservableResult): void => {
    for (const [id, { used, memoryBytes }] of meter.tallies) {
      const segment = meter.store.segments.get(id);
      if (!segment) continue;
      const of = { "container.id": id, "container.name": segment.name, "container.image.name": segment.image };
      const tell = (what: Observable, value: number | undefined, more: Attributes = {}) => {
        if (value !== undefined) result.observe(what, value, { ...of, ...more });
      };
      tell(cpu, used.cpuUsec === undefined ? undefined : used.cpuUsec / 1e6);
      tell(memory, memoryBytes);
      tell(network, used.rxBytes, { "network.io.direction": "receive" });
      tell(network, used.txBytes, { "network.io.direction": "transmit" });
      tell(disk, used.readBytes, { "disk.io.direction": "read" });
      tell(disk, used.writeBytes, { "disk.io.direction": "write" });
    }
  };
  source.addBatchObservableCallback(callback, instruments);
  return () => source.removeBatchObservableCallback(callback, instruments);
}

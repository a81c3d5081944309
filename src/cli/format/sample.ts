import type { ContainerInfo, Sample } from "../../api.js";
import { decimal, humanSize, shortId } from "./human.js";
import type { Column } from "./table.js";

/** Columns of `granule stats`. */
export const statsColumns: Column[] = [
  { title: "ID" },
  { title: "NAME" },
  { title: "VCPUS", align: "right" },
  { title: "LIMIT", align: "right" },
  { title: "THROTTLED", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "LIMIT", align: "right" },
  { title: "MEM %", align: "right" },
  { title: "PEAK", align: "right" },
  { title: "PIDS", align: "right" },
  { title: "NET RX / TX", align: "right" },
  { title: "IO R / W", align: "right" },
];

/** A row of `granule stats`; `-` stands for what this host does not tell. */
export function statsCells(info: ContainerInfo | undefined, sample: Sample): string[] {
  const { cpu, memory, pids, network, io } = sample;
  const limit = info?.memoryBytes;
  return [
    shortId(sample.id),
    info?.name ?? "",
    vcpusText(sample),
    info?.cpus === undefined ? "-" : decimal(info.cpus, 2),
    throttledText(cpu.throttledUsec),
    sizeText(memory?.currentBytes),
    sizeText(limit),
    memory === undefined || limit === undefined ? "-" : `${((100 * memory.currentBytes) / limit).toFixed(1)} %`,
    sizeText(memory?.peakBytes),
    pids === undefined ? "-" : String(pids.current),
    network === undefined ? "-" : `${humanSize(network.rxBytes)} / ${humanSize(network.txBytes)}`,
    io === undefined ? "-" : `${humanSize(io.readBytes)} / ${humanSize(io.writeBytes)}`,
  ];
}

/** vCPUs over the last interval; the first sample of a container has none. */
export function vcpusText(sample: Sample): string {
  return sample.cpu.vcpus === undefined ? "-" : sample.cpu.vcpus.toFixed(2);
}

/** Seconds a container was held back by its CPU limit, since it started. */
export function throttledText(throttledUsec: number | undefined): string {
  return throttledUsec === undefined ? "-" : `${(throttledUsec / 1e6).toFixed(2)} s`;
}

export function sizeText(bytes: number | undefined): string {
  return bytes === undefined ? "-" : humanSize(bytes);
}

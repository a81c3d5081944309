import type { UsageRecord } from "../../api.js";
import { decimal, humanSize, shortId } from "./human.js";
import type { Column } from "./table.js";

/** Columns of a table of usage records; allocated first, then really used. */
export const usageColumns: Column[] = [
  { title: "ID" },
  { title: "NAME" },
  { title: "CPUS", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "STARTED" },
  { title: "SECONDS", align: "right" },
  { title: "VCPU-S", align: "right" },
  { title: "GIB-S", align: "right" },
  { title: "CPU USED S", align: "right" },
  { title: "GIB-S USED", align: "right" },
];

export function usageCells(record: UsageRecord): string[] {
  return [
    shortId(record.id),
    record.name,
    record.cpus === undefined ? "-" : decimal(record.cpus, 2),
    record.memoryBytes === undefined ? "-" : humanSize(record.memoryBytes),
    record.startedAt.replace(/\.\d+Z$/, "Z"),
    `${record.seconds}${record.endedAt === undefined ? "+" : ""}`,
    fixed(record.vcpuSeconds, 2),
    fixed(record.gibSeconds, 3),
    fixed(record.cpuUsedSeconds, 2),
    fixed(record.memoryUsedGibSeconds, 3),
  ];
}

function fixed(value: number | undefined, decimals: number): string {
  return value === undefined ? "-" : value.toFixed(decimals);
}

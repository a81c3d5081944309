import type { UsageGroup, UsageRecord } from "../../api.js";
import { addDecimals, alignDecimals } from "../../meter/decimal.js";
import { decimal, humanSize, shortId } from "./human.js";
import type { Column } from "./table.js";

/** A table of usage: titles and cells. */
export interface UsageTable {
  columns: Column[];
  rows: string[][];
}

const right = (title: string): Column => ({ title, align: "right" });

/** Usage records; allocated first, then really used, and what it costs where there are prices. */
export function recordTable(records: readonly UsageRecord[]): UsageTable {
  const priced = records.some(({ cost }) => cost !== undefined);
  const costs = alignDecimals(records.map(({ cost }) => cost));
  return {
    columns: [
      { title: "ID" },
      { title: "NAME" },
      right("CPUS"),
      right("MEMORY"),
      { title: "STARTED" },
      { title: "END" },
      ...["SECONDS", "VCPU-S", "GIB-S", "CPU USED S", "GIB-S USED", "PEAK"].map(right),
      ...(priced ? [right("COST"), { title: "" }] : []),
    ],
    rows: records.map((record, index) => [
      shortId(record.id),
      record.name,
      record.cpus === undefined ? "-" : decimal(record.cpus, 2),
      record.memoryBytes === undefined ? "-" : humanSize(record.memoryBytes),
      record.startedAt.replace(/\.\d+Z$/, "Z"),
      record.endReason ?? "-",
      `${record.seconds}${record.endedAt === undefined ? "+" : ""}`,
      fixed(record.vcpuSeconds, 2),
      fixed(record.gibSeconds, 3),
      fixed(record.cpuUsedSeconds, 2),
      fixed(record.memoryUsedGibSeconds, 3),
      record.memoryPeakBytes === undefined ? "-" : humanSize(record.memoryPeakBytes),
      ...(priced ? [costs[index] ?? "-", record.currency ?? ""] : []),
    ]),
  };
}

/** One row a group, and a last one with their sums for each currency. */
export function groupTable(groups: readonly UsageGroup[], by: readonly string[]): UsageTable {
  const priced = groups.some(({ cost }) => cost !== undefined);
  const currencies = [...new Set(groups.map(({ currency }) => currency))];
  const totals = currencies.map((currency) => total(groups.filter((group) => group.currency === currency)));
  const shown = groups.length > 1 && by.length > 0 ? [...groups, ...totals] : groups;
  const costs = alignDecimals(shown.map(({ cost }) => cost));
  return {
    columns: [
      ...by.map((each) => ({ title: each.replace(/^tag:/, "").toUpperCase() })),
      ...["RECORDS", "SECONDS", "VCPU-S", "GIB-S", "CPU USED S", "GIB-S USED"].map(right),
      ...(priced ? [right("COST"), { title: "" }] : []),
    ],
    rows: shown.map((group, index) => [
      ...by.map((each, column) =>
        index < groups.length ? group.key[each] || "<none>" : column === 0 ? totalName(group, priced) : "",
      ),
      String(group.records),
      String(group.seconds),
      fixed(group.vcpuSeconds, 2),
      fixed(group.gibSeconds, 3),
      fixed(group.cpuUsedSeconds, 2),
      fixed(group.memoryUsedGibSeconds, 3),
      ...(priced ? [costs[index] ?? "-", group.currency ?? ""] : []),
    ]),
  };
}

const totalName = ({ cost }: UsageGroup, priced: boolean) =>
  priced && cost === undefined ? "total without price" : "total";

/** The sums of groups of one currency. */
export function total(groups: readonly UsageGroup[]): UsageGroup {
  const sum = (of: (group: UsageGroup) => number) => groups.reduce((before, group) => before + of(group), 0);
  const costs = groups.flatMap(({ cost }) => cost ?? []);
  const currency = groups[0]?.currency;
  return {
    key: {},
    records: sum(({ records }) => records),
    seconds: sum(({ seconds }) => seconds),
    vcpuSeconds: sum(({ vcpuSeconds }) => vcpuSeconds),
    gibSeconds: sum(({ gibSeconds }) => gibSeconds),
    cpuUsedSeconds: sum(({ cpuUsedSeconds }) => cpuUsedSeconds),
    memoryUsedGibSeconds: sum(({ memoryUsedGibSeconds }) => memoryUsedGibSeconds),
    networkRxBytes: sum(({ networkRxBytes }) => networkRxBytes),
    networkTxBytes: sum(({ networkTxBytes }) => networkTxBytes),
    ioReadBytes: sum(({ ioReadBytes }) => ioReadBytes),
    ioWriteBytes: sum(({ ioWriteBytes }) => ioWriteBytes),
    ...(costs.length === 0 ? {} : { cost: addDecimals(costs) }),
    ...(currency === undefined ? {} : { currency }),
  };
}

function fixed(value: number | undefined, decimals: number): string {
  return value === undefined ? "-" : value.toFixed(decimals);
}

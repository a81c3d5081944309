import type { UsageGroup, UsageRecord } from "../api.js";

/** Columns of records in CSV: they keep their names and places, and new ones come last. */
const recordColumns: readonly [name: string, of: (record: UsageRecord) => string | number | undefined][] = [
  ["record", (record) => record.record],
  ["id", (record) => record.id],
  ["name", (record) => record.name],
  ["image", (record) => record.image],
  ["tags", (record) => JSON.stringify(record.tags)],
  ["cpus", (record) => record.cpus],
  ["memory_bytes", (record) => record.memoryBytes],
  ["started_at", (record) => record.startedAt],
  ["ended_at", (record) => record.endedAt],
  ["end_reason", (record) => record.endReason],
  ["seconds", (record) => record.seconds],
  ["vcpu_seconds", (record) => record.vcpuSeconds],
  ["gib_seconds", (record) => record.gibSeconds],
  ["cpu_used_seconds", (record) => record.cpuUsedSeconds],
  ["memory_used_gib_seconds", (record) => record.memoryUsedGibSeconds],
  ["memory_peak_bytes", (record) => record.memoryPeakBytes],
  ["network_rx_bytes", (record) => record.networkRxBytes],
  ["network_tx_bytes", (record) => record.networkTxBytes],
  ["io_read_bytes", (record) => record.ioReadBytes],
  ["io_write_bytes", (record) => record.ioWriteBytes],
  ["cost", (record) => record.cost],
  ["currency", (record) => record.currency],
];

const groupColumns: readonly [name: string, of: (group: UsageGroup) => string | number | undefined][] = [
  ["records", (group) => group.records],
  ["seconds", (group) => group.seconds],
  ["vcpu_seconds", (group) => group.vcpuSeconds],
  ["gib_seconds", (group) => group.gibSeconds],
  ["cpu_used_seconds", (group) => group.cpuUsedSeconds],
  ["memory_used_gib_seconds", (group) => group.memoryUsedGibSeconds],
  ["network_rx_bytes", (group) => group.networkRxBytes],
  ["network_tx_bytes", (group) => group.networkTxBytes],
  ["io_read_bytes", (group) => group.ioReadBytes],
  ["io_write_bytes", (group) => group.ioWriteBytes],
  ["cost", (group) => group.cost],
  ["currency", (group) => group.currency],
];

/** A line of CSV (RFC 4180, with LF). A text that a spreadsheet would take for a formula is led by a quote. */
function csvLine(values: readonly (string | number | undefined)[]): string {
  const cell = (value: string | number | undefined): string => {
    if (value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return values.map(cell).join(",");
}

export const recordCsvHeader = (): string => csvLine(recordColumns.map(([name]) => name));

export const recordCsvLine = (record: UsageRecord): string => csvLine(recordColumns.map(([, of]) => of(record)));

/** @param by what the groups were grouped by; these columns come first */
export function groupCsvLines(groups: readonly UsageGroup[], by: readonly string[]): string[] {
  const header = csvLine([...by, ...groupColumns.map(([name]) => name)]);
  return [
    header,
    ...groups.map((group) =>
      csvLine([...by.map((each) => group.key[each]), ...groupColumns.map(([, of]) => of(group))]),
    ),
  ];
}

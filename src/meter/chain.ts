import { createHash } from "node:crypto";

/** The columns that a record's hash covers, in the order in which it covers them. */
export const hashedColumns = [
  "record",
  "container_id",
  "name",
  "image",
  "tags",
  "cpu_milli",
  "memory_bytes",
  "boot_id",
  "run_boot_ns",
  "run_ended",
  "started_ns",
  "ended_ns",
  "started_boot_ns",
  "ended_boot_ns",
  "billed_from_ns",
  "seconds",
  "cpu_used_usec",
  "memory_byte_seconds",
  "memory_peak_bytes",
  "rx_bytes",
  "tx_bytes",
  "read_bytes",
  "write_bytes",
  "cost",
  "price_sheet",
  "end_reason",
] as const;

export type HashedRecord = Readonly<Record<(typeof hashedColumns)[number], bigint | number | string | null>>;

/** What the first record of a ledger follows. */
export const genesis: Buffer = Buffer.alloc(32);

/** Where a chain stands: the last record and its hash. */
export interface ChainHead {
  record: number;
  hash: Buffer;
}

/** SHA-256 over the hash before and the record as a JSON array of its columns, whole numbers as text. */
export function recordHash(before: Buffer, row: HashedRecord): Buffer {
  const values = hashedColumns.map((column) => {
    const value = row[column];
    return value === null ? null : String(value);
  });
  return createHash("sha256").update(before).update(JSON.stringify(values)).digest();
}

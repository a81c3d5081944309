import type { UsageRetention } from "../api.js";
import { GranuleError } from "../errors.js";
import { second } from "./instant.js";
import type { LedgerStore } from "./ledger-store.js";

const daySeconds = 86_400n;
/** Freed pages given back to the file system in one go. */
const pagesAtOnce = 2000;
const mostRows = 20_000;

/** @throws GranuleError INVALID_ARGUMENT */
export function readRetention(given: Partial<UsageRetention>, before: UsageRetention): UsageRetention {
  const known = Object.keys(before) as (keyof UsageRetention)[];
  for (const [name, days] of Object.entries(given)) {
    if (!known.includes(name as keyof UsageRetention)) {
      throw new GranuleError("INVALID_ARGUMENT", `no such retention: ${name}`, {
        hint: `known are: ${known.join(", ")}`,
      });
    }
    if (!Number.isSafeInteger(days) || days < 0) {
      throw new GranuleError("INVALID_ARGUMENT", `${name} is no number of days: ${JSON.stringify(days)}`, {
        hint: "give whole days; 0 keeps it for ever",
      });
    }
  }
  return { ...before, ...given };
}

/**
 * Lets go of what is older than is to be kept: first the minutes of hours, then hours, then records. Where records go,
 * the hash of the last of them stays as what the chain goes on from. True where there is more to do.
 */
export function compact(store: LedgerStore, nowNs: bigint): boolean {
  if (!store.flush()) return false;
  const { recordDays, hourDays, minuteDays } = store.retention;
  const before = (days: number) => nowNs - BigInt(days) * daySeconds * second;
  const hour = (ns: bigint) => ns / (3600n * second);
  const database = store.database;
  let changes = 0;
  const run = (statement: string, ...parameters: (bigint | string)[]): void => {
    changes += database.prepare(statement).run(...parameters).changes;
  };
  database
    .transaction(() => {
      if (minuteDays > 0)
        run("UPDATE usage_hours SET minutes = NULL WHERE hour < ? AND minutes IS NOT NULL", hour(before(minuteDays)));
      if (hourDays > 0) run("DELETE FROM usage_hours WHERE hour < ?", hour(before(hourDays)));
      if (recordDays > 0) changes += dropRecords(store, before(recordDays));
    })
    .immediate();
  database.pragma(`incremental_vacuum(${pagesAtOnce})`);
  return changes >= mostRows;
}

/** Drops a whole beginning of the chain: records in order, up to the first that is to be kept. */
function dropRecords(store: LedgerStore, beforeNs: bigint): number {
  const kept = store.database
    .prepare("SELECT min(record) AS record FROM usage_records WHERE ended_ns >= ?")
    .get(beforeNs) as {
    record: number | null;
  };
  const upTo = kept.record === null ? store.head.record : kept.record - 1;
  const last = store.database
    .prepare("SELECT record, hash FROM usage_records WHERE record <= ? ORDER BY record LIMIT 1 OFFSET ?")
    .get(upTo, mostRows - 1) as { record: number; hash: Buffer } | undefined;
  const end =
    last ??
    (store.database
      .prepare("SELECT record, hash FROM usage_records WHERE record <= ? ORDER BY record DESC LIMIT 1")
      .get(upTo) as { record: number; hash: Buffer } | undefined);
  if (!end) return 0;
  store.database
    .prepare("INSERT OR REPLACE INTO settings(name, value) VALUES('anchor', ?)")
    .run(JSON.stringify({ record: end.record, hash: Buffer.from(end.hash).toString("hex") }));
  return store.database.prepare("DELETE FROM usage_records WHERE record <= ?").run(end.record).changes;
}

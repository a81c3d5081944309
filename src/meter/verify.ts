import type { UsageVerification } from "../api.js";
import { genesis, type HashedRecord, recordHash } from "./chain.js";
import type { LedgerStore } from "./ledger-store.js";

/** Records between two turns of the event loop: containers are served meanwhile. */
const batchSize = 2000;

type ChainedRow = HashedRecord & { record: bigint; hash: Buffer };

/** Goes through the hash chain from its beginning, or from where retention cut it off, to its head. */
export async function verifyChain(
  store: LedgerStore,
  expect?: { record: number; hash: string },
): Promise<UsageVerification> {
  store.flush();
  const anchor = store.readSetting("anchor");
  let record = anchor?.record ?? 0;
  let hash = anchor === undefined ? genesis : Buffer.from(anchor.hash, "hex");
  let expected = expect === undefined || (expect.record === record && expect.hash === hash.toString("hex"));
  let count = 0;
  const broken = (at: number, problem: string): UsageVerification => ({
    intact: false,
    records: count,
    head: { record, hash: hash.toString("hex") },
    broken: { record: at, problem },
  });
  for (;;) {
    const rows = store.database
      .prepare(
        `SELECT usage_records.*, (SELECT tags FROM tag_sets WHERE tag_sets.id = usage_records.tag_set) AS tags
         FROM usage_records WHERE record > ? ORDER BY record LIMIT ${batchSize}`,
      )
      .safeIntegers(true)
      .all(BigInt(record)) as ChainedRow[];
    for (const row of rows) {
      const number = Number(row.record);
      if (number !== record + 1) return broken(record + 1, `records up to ${number - 1} are missing`);
      const next = recordHash(hash, row);
      if (!next.equals(Buffer.from(row.hash)))
        return broken(number, "it, or its hash, was changed after it was written");
      record = number;
      hash = next;
      count++;
      if (expect?.record === record) {
        expected = expect.hash === hash.toString("hex");
        if (!expected) return broken(record, "its hash is not the one expected: the ledger was written anew");
      }
    }
    if (rows.length < batchSize) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const head = store.readSetting("head");
  if (head !== undefined && head.record > record) return broken(record + 1, `records up to ${head.record} are missing`);
  if (!expected) {
    const kept = anchor !== undefined && (expect?.record ?? 0) < anchor.record;
    const problem = kept ? "the record expected is older than what is kept" : "the record expected is missing";
    return broken(expect?.record ?? 0, problem);
  }
  return { intact: true, records: count, head: { record, hash: hash.toString("hex") } };
}

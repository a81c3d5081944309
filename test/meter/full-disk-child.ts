/** Meters on a file system that is full for a while: `node full-disk-child.js FOLDER`, a small tmpfs of its own. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Meter } from "../../src/meter/meter.js";
import type { Allocation } from "../../src/meter/segment.js";
import { queryRecords } from "../../src/meter/usage-query.js";
import { verifyChain } from "../../src/meter/verify.js";

const folder = process.argv[2] ?? "";
const second = 1_000_000_000n;
let seconds = 0n;
const now = () => ({ wallNs: (1_800_000_000n + seconds) * second, bootNs: (5000n + seconds) * second });
const told: string[] = [];
const meter = new Meter({
  path: join(folder, "usage.db"),
  bootId: "b",
  now,
  onProblem: (message) => told.push(message),
});

function live(from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const of: Allocation = {
      id: `c${index}`,
      name: `c${index}`,
      image: "app:1",
      tags: { n: String(index % 7) },
      cpus: 1,
    };
    const started = now();
    meter.begin(of, started);
    seconds += 3n;
    meter.end(of, { started, ended: now() }, { cpuUsec: 1000 }, "exit");
    meter.tick([], undefined);
  }
}

/** Takes what room there is. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (const size of [4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "ENOSPC") throw thrown;
      }
    }
  } finally {
    closeSync(file);
  }
}

live(0, 10);
meter.store.database.pragma("wal_checkpoint(TRUNCATE)");
fill(join(folder, "ballast"));
live(10, 510);
const { pendingWrites: pending, problem } = meter.status();
const ids = (): number => {
  const records = queryRecords(meter.store, meter.ledger, {}, now().bootNs);
  return new Set(records.map(({ id }) => id)).size;
};
const whileFull = { pending, problem, ids: ids() };
rmSync(join(folder, "ballast"));
live(510, 520);
const records = queryRecords(meter.store, meter.ledger, {}, now().bootNs);
const { intact } = await verifyChain(meter.store);
process.stdout.write(
  JSON.stringify({
    told,
    whileFull,
    after: {
      pending: meter.status().pendingWrites,
      records: records.length,
      seconds: records.reduce((sum, record) => sum + record.seconds, 0),
      intact,
      ids: ids(),
    },
  }),
);
meter.close();

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ContainerCgroup } from "../src/cgroup/container.js";
import { CgroupTree } from "../src/cgroup/tree.js";
import { Ledger } from "../src/meter/ledger.js";
import { LedgerStore } from "../src/meter/ledger-store.js";
import { Meter, type MeterReading } from "../src/meter/meter.js";
import { type Moment, now } from "../src/meter/moment.js";
import type { Allocation } from "../src/meter/segment.js";
import { summarizeRecords } from "../src/meter/usage-query.js";
import { LiveMetering } from "../src/runtime/live-metering.js";
import type { Measure, Series } from "./harness/answer.js";
import type { Bench, Question } from "./harness/question.js";
import { nanoseconds, samplerThread, sleepers } from "./sampling.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const containers = 1000;
const teams = 50;
const second = 1_000_000_000n;

export const question: Question = {
  asks: "What does metering cost, ledger and all: CPU time, memory, disk, and a query by tag over a million records?",
  ground: "host",
  async run(bench) {
    // Fewer records answer another question, and judge no goal.
    const records = bench.options.short ? 100_000 : 1_000_000;
    const queryKey = bench.options.short ? "metering.query-short" : "metering.query";
    return [
      one("metering.share", "share of one core, 1000 containers each second, ledger on", "share", await share(bench)),
      one("metering.memory", "memory of the meter, 1000 containers, 15 minutes by the second", "bytes", memory(bench)),
      one("metering.growth", "ledger growth of a busy container in an hour", "bytes", growth(bench)),
      one(queryKey, `sums by tag over ${records.toLocaleString("en")} records`, "ns", query(bench, records)),
    ];
  },
};

function one(key: string, title: string, unit: Measure["unit"], values: number[]): Measure {
  const series: Series[] = [{ subject: "granule", name: "granule", batches: [values] }];
  return { key, title, unit, better: "lower", series };
}

const warn = (what: string, thrown: unknown): void => {
  throw new Error(what, { cause: thrown });
};

/** The share of a core of each of some seconds: the sampler's thread and all that JavaScript does. */
async function share(bench: Bench): Promise<number[]> {
  const tree = new CgroupTree();
  const made: ContainerCgroup[] = [];
  const { shell, pids } = await sleepers(containers);
  const metering = new LiveMetering({ path: join(bench.folder, "live.db"), warn, onExhausted: () => undefined });
  const keepAlive = setInterval(() => {}, 1000);
  try {
    tree.prepare();
    for (const [index, pid] of pids.entries()) {
      const cgroup = tree.create(`c${index}`, { cpus: 0.5, memory: 64 << 20, pids: 64 });
      made.push(cgroup);
      // One without a process is taken for a container that has ended, and not read.
      writeFileSync(join(cgroup.unified, "cgroup.procs"), String(pid));
      const record = {
        id: cgroup.id,
        name: cgroup.id,
        image: "bench:latest",
        imageId: "",
        createdAt: "",
        command: [],
        options: { image: "bench:latest", cpus: 0.5, memory: 64 << 20, tags: { team: `t${index % teams}` } },
        state: "running" as const,
        desired: "running" as const,
        restarts: 0,
        pid,
      };
      metering.start(record, cgroup, now());
    }
    const thread = samplerThread();
    const spent = () => nanoseconds(thread) + nanoseconds(process.pid);
    const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));
    for (let warmUp = 0; warmUp < 3; warmUp++) await tick();
    await allSampled(metering);
    const shares: number[] = [];
    const wanted = bench.count(60, 10);
    while (shares.length < wanted) {
      bench.progress(`second ${shares.length + 1} of ${wanted}`);
      const before = { spent: spent(), at: process.hrtime.bigint() };
      await tick();
      shares.push((spent() - before.spent) / Number(process.hrtime.bigint() - before.at));
    }
    return shares;
  } finally {
    clearInterval(keepAlive);
    metering.close();
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    for (const cgroup of made) await cgroup.remove();
    tree.removeIfEmpty();
  }
}

/** A meter that reads nothing costs nothing: fails where a container is not sampled. */
async function allSampled(metering: LiveMetering): Promise<void> {
  const sampled = new Set<string>();
  for await (const { id } of metering.samples({ signal: AbortSignal.timeout(5000) })) {
    if (sampled.add(id).size === containers) return;
  }
  throw new Error(`${sampled.size} of ${containers} containers are sampled`);
}

/** A meter whose clock is driven by hand: hours pass in seconds, all else is as ever. */
class Simulation {
  readonly meter: Meter;
  readonly #ids: string[];
  readonly #counters: { usageUsec: number; memoryBytes: number; txBytes: number; writeBytes: number }[];
  #seconds = 0;
  #random = 12_345;

  constructor(path: string, count: number) {
    this.meter = new Meter({
      path,
      bootId: "bench",
      now: () => this.#now(),
      onProblem: (message) => {
        throw new Error(message);
      },
    });
    this.#ids = Array.from({ length: count }, (_, index) => index.toString(16).padStart(32, "0"));
    this.#counters = this.#ids.map(() => ({ usageUsec: 0, memoryBytes: 64 << 20, txBytes: 0, writeBytes: 0 }));
    for (const [index, id] of this.#ids.entries()) this.meter.begin(allocation(id, index), this.#now());
  }

  #now(): Moment {
    const ns = BigInt(this.#seconds) * second + 1_000_000n;
    return { wallNs: 1_800_000_000n * second + ns, bootNs: 5000n * second + ns };
  }

  #next(below: number): number {
    this.#random = (this.#random * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((this.#random / 2 ** 31) * below);
  }

  *#readings(): Generator<MeterReading> {
    const absent = { memoryPeakBytes: 80 << 20, rxBytes: 0, readBytes: 0 };
    const reading = { id: "", counters: { usageUsec: 0, memoryBytes: 0, txBytes: 0, writeBytes: 0, ...absent } };
    // Without garbage of its own: what is weighed is the meter.
    for (let index = 0; index < this.#ids.length; index++) {
      const id = this.#ids[index];
      const counters = this.#counters[index];
      if (id === undefined || !counters) continue;
      counters.usageUsec += this.#next(500_000);
      counters.memoryBytes = (48 << 20) + this.#next(32 << 20);
      counters.txBytes += this.#next(100_000);
      counters.writeBytes += this.#next(10) === 0 ? 4096 * this.#next(100) : 0;
      reading.id = id;
      Object.assign(reading.counters, counters);
      reading.counters.rxBytes = counters.txBytes;
      yield reading;
    }
  }

  /** One second in which every container computes, sends, writes and changes its memory. */
  tick(): void {
    this.#seconds++;
    this.meter.tick(this.#readings(), Number(this.#now().wallNs) / 1e9);
  }
}

const allocation = (id: string, index: number): Allocation => ({
  id,
  name: `worker-${index}`,
  image: "registry.example/team/worker:2026-11-24",
  tags: { team: `t${index % teams}`, stage: "production" },
  cpus: 0.5,
  memoryBytes: 128 << 20,
});

/** Makes V8's young generation as large as it becomes in every process that lives for a while; its bytes then. */
function growYoungGeneration(): number {
  const bytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.physical_space_size ?? 0;
  const kept: object[][] = [];
  for (let round = 0, grownAt = 0, before = 0; round - grownAt < 50; round++) {
    kept[0] = Array.from({ length: 50_000 }, (_, index) => ({ index }));
    if (bytes() > before) [grownAt, before] = [round, bytes()];
  }
  kept.length = 0;
  // What was kept last and what earlier parts left: from here on it is all of the meter.
  for (let round = 0; round < 3; round++) collectGarbage();
  return bytes();
}

function memory(bench: Bench): number[] {
  bench.progress("15 minutes of 1000 containers");
  const young = growYoungGeneration();
  bench.note(
    `Memory of the meter is what the process grew by. V8's young generation had grown before, as it does in any process: ${(young / 2 ** 20).toFixed(0)} MiB.`,
  );
  const before = process.memoryUsage.rss();
  const simulation = new Simulation(join(bench.folder, "memory.db"), containers);
  for (let tick = 0; tick < 960; tick++) simulation.tick();
  const after = process.memoryUsage.rss();
  simulation.meter.close();
  return [after - before];
}

function growth(bench: Bench): number[] {
  const count = 40;
  const hours = bench.options.short ? 1 : 3;
  const path = join(bench.folder, "growth.db");
  const simulation = new Simulation(path, count);
  simulation.tick();
  const size = () => {
    simulation.meter.store.database.pragma("wal_checkpoint(TRUNCATE)");
    return statSync(path).size;
  };
  const before = size();
  const growths: number[] = [];
  for (let hour = 1; hour <= hours; hour++) {
    bench.progress(`hour ${hour} of ${hours}`);
    for (let tick = 0; tick < 3600; tick++) simulation.tick();
    growths.push((size() - before) / count / hour);
  }
  simulation.meter.close();
  return growths.slice(-1);
}

/** Writes many records in few transactions: what is asked about is reading them. */
class BatchedStore extends LedgerStore {
  override flush(_again?: boolean): boolean {
    return this.pendingWrites < 10_000 || super.flush();
  }
}

function query(bench: Bench, records: number): number[] {
  const store = new BatchedStore(join(bench.folder, "query.db"), () => undefined);
  const ledger = new Ledger(store, "bench");
  store.addPrices(
    {
      validFromNs: 0n,
      currency: "EUR",
      perVcpuSecond: 13_500_000_000n,
      perGibSecond: 1_500_000_000n,
      perGbEgress: 0n,
      minimumSeconds: 0n,
      minimumCost: 0n,
      vcpuStep: 0n,
      memoryStep: 0n,
    },
    0n,
  );
  const written = 10_000;
  for (let index = 0; index < written; index++) {
    const ns = BigInt(index) * 200n * second;
    const started = { wallNs: 1_700_000_000n * second + ns, bootNs: ns };
    const ended = { wallNs: started.wallNs + 90n * second, bootNs: ns + 90n * second };
    const used = { cpuUsec: index % 40_000_000, memoryByteSeconds: 2 ** 33 + index, memoryPeakBytes: 1 << 27 };
    ledger.close(allocation(index.toString(16).padStart(32, "0"), index), { started, ended }, used);
  }
  LedgerStore.prototype.flush.call(store);
  const columns = store.database
    .prepare("SELECT name FROM pragma_table_info('usage_records')")
    .pluck()
    .all() as string[];
  const changed: Record<string, string> = {
    record: "record + :shift",
    container_id: "container_id || :shift",
    started_ns: "started_ns + :shift",
    seconds: "seconds + :shift % 60",
  };
  const copied = columns.map((column) => changed[column] ?? column).join(", ");
  const most = store.head.record;
  // Records like those that were written, with their indexes; their place in the chain is not asked about.
  for (const pragma of ["synchronous = OFF", "wal_autocheckpoint = 0", "cache_size = -500000"]) {
    store.database.pragma(pragma);
  }
  store.database.exec("BEGIN");
  for (let shift = most; shift < records; shift += most) {
    bench.progress(`record ${shift} of ${records}`);
    const copy = `INSERT INTO usage_records SELECT ${copied} FROM usage_records WHERE record <= ${most}`;
    store.database.exec(copy.replaceAll(":shift", String(shift)));
  }
  store.database.exec("COMMIT");
  store.database.pragma("wal_checkpoint(TRUNCATE)");
  store.database.pragma("cache_size = -2000");
  const times: number[] = [];
  const wanted = bench.count(10, 3);
  while (times.length < wanted) {
    bench.progress(`query ${times.length + 1} of ${wanted}`);
    const before = process.hrtime.bigint();
    const groups = summarizeRecords(store, ledger, { by: ["tag:team"] }, 0n);
    times.push(Number(process.hrtime.bigint() - before));
    const counted = groups.reduce((sum, { records: count }) => sum + count, 0);
    // Some are cut at midnight, and come on top.
    if (groups.length !== teams || counted < records) throw new Error(`${groups.length} groups of ${counted}`);
  }
  store.close();
  return times;
}

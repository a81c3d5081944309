import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Ledger } from "../../src/meter/ledger.js";
import { LedgerStore } from "../../src/meter/ledger-store.js";
import type { Allocation } from "../../src/meter/segment.js";
import { queryRecords } from "../../src/meter/usage-query.js";
import { verifyChain } from "../../src/meter/verify.js";
import type { Order } from "./kill-child.js";

/** How often the owner is killed; `npm run test:kills` asks for 200. */
const kills = Number(process.env["GRANULE_TEST_KILLS"] ?? "10");
const second = 1_000_000_000n;
const owner = fileURLToPath(new URL("./kill-child.js", import.meta.url));

/** mulberry32: the same day each time it is asked for by the same number. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Run {
  of: Allocation;
  startedNs: bigint;
  startedWallNs: bigint;
  endedNs?: bigint;
  endedWallNs?: bigint;
  /** Limits by the time from which on they held; the last one may be later in the ledger where an owner died. */
  sizes: { fromNs: bigint; cpus: number; certain: boolean }[];
  /** The owner of the time has said that it has written the end down. */
  closed: boolean;
}

/** What does not die with the owner: the containers, their monitors and the clocks. */
class World {
  bootNs = 5000n * second;
  stepNs = 0n;
  runs: Run[] = [];
  readonly random: () => number;
  #count = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  get wallNs(): bigint {
    return 1_800_000_000n * second + this.bootNs + this.stepNs;
  }

  wire(bootNs = this.bootNs, wallNs = this.wallNs): { wall: string; boot: string } {
    return { wall: String(wallNs), boot: String(bootNs) };
  }

  /** Time passes, in odd nanoseconds. */
  pass(seconds: number): void {
    this.bootNs += BigInt(Math.floor(this.random() * seconds * 1e9));
  }

  get running(): Run[] {
    return this.runs.filter(({ endedNs }) => endedNs === undefined);
  }

  cpuUsec(run: Run): number {
    return Number(((run.endedNs ?? this.bootNs) - run.startedNs) / 4000n);
  }

  start(): Run {
    const cpus = Math.ceil(this.random() * 8) / 4;
    // Only what is over, and known to be, is started again.
    const isOver = (id: string) => this.runs.every(({ of: { id: each }, closed }) => each !== id || closed);
    const again = this.runs.find(({ of }) => isOver(of.id) && this.random() < 0.2);
    const id = again?.of.id ?? `c${++this.#count}`;
    const of = { id, name: id, image: "app:1", tags: { team: `t${this.#count % 3}` }, cpus, memoryBytes: 1 << 28 };
    const sizes = [{ fromNs: this.bootNs, cpus, certain: true }];
    const run: Run = { of, startedNs: this.bootNs, startedWallNs: this.wallNs, sizes, closed: false };
    this.runs.push(run);
    return run;
  }

  end(run: Run): void {
    run.endedNs = this.bootNs;
    run.endedWallNs = this.wallNs;
  }

  endOrder(run: Run): Order {
    return {
      do: "end",
      now: this.wire(),
      of: run.of,
      started: this.wire(run.startedNs, run.startedWallNs),
      ended: this.wire(run.endedNs, run.endedWallNs),
      cpuUsec: this.cpuUsec(run),
    };
  }
}

/** An owner in a process of its own. */
class Owner {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #errors = "";

  constructor(path: string) {
    this.#child = spawn(process.execPath, [owner, path]);
    this.#closed = once(this.#child, "close");
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
  }

  async ready(): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== "ready") throw new Error(`the owner did not start: ${this.#errors}`);
  }

  /** True where it was done; false where the owner is dead. */
  async ask(order: Order): Promise<boolean> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    const { value } = await this.#lines.next();
    if (this.#errors !== "") throw new Error(this.#errors);
    return value === "done";
  }

  /** At an instant that nobody chose: between 0 and some milliseconds from now. */
  killSoon(random: () => number): void {
    const hurry = random() * 4;
    setTimeout(() => this.#child.kill("SIGKILL"), hurry);
  }

  async gone(): Promise<void> {
    await this.#closed;
  }
}

/** What the next owner does first: it asks every monitor, and reads every exit that was recorded. */
async function recover(world: World, next: Owner): Promise<boolean> {
  for (const run of world.runs) {
    // An end that was written down is told again, as by an owner that died before it could note the state.
    const isLast = world.runs.findLast(({ of }) => of.id === run.of.id) === run;
    if (run.closed && !(isLast && world.random() < 0.3)) continue;
    if (run.endedNs === undefined) {
      const started = world.wire(run.startedNs, run.startedWallNs);
      if (!(await next.ask({ do: "begin", now: world.wire(), of: run.of, started }))) return false;
    } else if (await next.ask(world.endOrder(run))) run.closed = true;
    else return false;
  }
  return true;
}

/** One thing that happens on this day; false where the owner died of it. */
async function happen(world: World, alive: Owner): Promise<boolean> {
  world.pass(100);
  const { random } = world;
  const choice = random();
  const run = world.running[Math.floor(random() * world.running.length)];
  if (!run || choice < 0.25) {
    const begun = world.start();
    return alive.ask({ do: "begin", now: world.wire(), of: begun.of, started: world.wire() });
  }
  if (choice < 0.5) {
    world.end(run);
    // Told a moment later, as by a monitor.
    world.pass(0.1);
    run.closed = await alive.ask(world.endOrder(run));
    return run.closed;
  }
  if (choice < 0.65) {
    const cpus = Math.ceil(random() * 8) / 4;
    run.of = { ...run.of, cpus };
    const size = { fromNs: world.bootNs, cpus, certain: false };
    run.sizes.push(size);
    size.certain = await alive.ask({ do: "resize", now: world.wire(), of: run.of, cpuUsec: world.cpuUsec(run) });
    return size.certain;
  }
  if (choice < 0.7) world.stepNs = ([3600n, -3600n, 0n][Math.floor(random() * 3)] as bigint) * second;
  const counters = world.running.map((each): [string, number] => [each.of.id, world.cpuUsec(each)]);
  return alive.ask({ do: "tick", now: world.wire(), counters });
}

const test = suite("an owner that is killed at any instant");
let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-kills-"));
});
test.after(() => rmSync(folder, { recursive: true }));

test(`${kills} times in a day: no second lost, none billed twice, the chain whole`, async () => {
  const path = join(folder, "usage.db");
  const seed = Number(process.env["GRANULE_TEST_SEED"] ?? Date.now() % 1e6);
  const world = new World(seed);
  let killed = 0;
  while (killed < kills) {
    const alive = new Owner(path);
    await alive.ready();
    const eventsBefore = 2 + Math.floor(world.random() * 10);
    // Some die while they recover.
    if (world.random() < 0.2) alive.killSoon(world.random);
    let up = await recover(world, alive);
    for (let event = 0; up; event++) {
      if (event === eventsBefore) alive.killSoon(world.random);
      up = await happen(world, alive);
    }
    killed++;
    await alive.gone();
    world.pass(300);
    // Some containers end while nobody owns them.
    for (const run of world.running) if (world.random() < 0.1) world.end(run);
  }
  const last = new Owner(path);
  await last.ready();
  for (const run of world.running) world.end(run);
  assert.ok(await recover(world, last));
  last.killSoon(() => 0);
  await last.gone();

  const store = new LedgerStore(path, (message) => assert.unreachable(message));
  const records = queryRecords(store, new Ledger(store, "simulated"), {}, world.bootNs);
  const verified = await verifyChain(store);
  store.close();
  assert.is(verified.broken, undefined, `seed ${seed}`);
  assert.is(records.filter(({ endedAt }) => endedAt === undefined).length, 0);
  const bySpan = new Map<string, typeof records>();
  for (const record of records) bySpan.set(record.id, [...(bySpan.get(record.id) ?? []), record]);
  let billed = 0;
  for (const id of new Set(world.runs.map(({ of }) => of.id))) {
    const runs = world.runs.filter(({ of }) => of.id === id);
    const own = bySpan.get(id) ?? [];
    const seconds = runs.reduce((sum, run) => sum + ceilSeconds((run.endedNs ?? 0n) - run.startedNs), 0);
    const where = `${id}, seed ${seed}`;
    assert.is(
      own.reduce((sum, record) => sum + record.seconds, 0),
      seconds,
      `seconds of ${where}`,
    );
    assert.is(own.filter(({ endReason }) => endReason === "exit").length, runs.length, `ends of ${where}`);
    const used = own.reduce((sum, record) => sum + Math.round((record.cpuUsedSeconds ?? 0) * 1e6), 0);
    assert.is(
      used,
      runs.reduce((sum, run) => sum + world.cpuUsec(run), 0),
      `CPU time of ${where}`,
    );
    // A resize whose owner died before it answered may count from the next owner on.
    if (runs.every(({ sizes }) => sizes.every(({ certain }) => certain))) {
      const vcpus = runs.reduce((sum, run) => sum + vcpuSeconds(run), 0);
      assert.is(
        own.reduce((sum, record) => sum + (record.vcpuSeconds ?? 0), 0),
        vcpus,
        `vCPU-seconds of ${where}`,
      );
    }
    billed += seconds;
  }
  const days = Number(world.bootNs - 5000n * second) / 86_400e9;
  process.stdout.write(
    `${killed} kills, ${world.runs.length} runs, ${billed} s billed in ${days.toFixed(2)} days, seed ${seed}\n`,
  );
});

const ceilSeconds = (ns: bigint) => Number((ns + second - 1n) / second);

/** By the definition: a run's seconds up, once, at its end; a cut falls on the last whole second before it. */
function vcpuSeconds({ startedNs, endedNs = 0n, sizes }: Run): number {
  let sum = 0;
  for (const [index, { fromNs, cpus }] of sizes.entries()) {
    const next = sizes[index + 1];
    const from = index === 0 ? 0 : Number((fromNs - startedNs) / second);
    const to = next === undefined ? ceilSeconds(endedNs - startedNs) : Number((next.fromNs - startedNs) / second);
    sum += cpus * (to - from);
  }
  return sum;
}

test.run();

import type { UsageFilter, UsageRecord } from "../api.js";
import { GranuleError } from "../errors.js";
import type { Database } from "../state/database.js";
import { type Moment, type Segment, usageRecords } from "./segments.js";

/** What a container is allocated. */
export interface Allocation {
  id: string;
  name: string;
  image: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
}

/** What a run has really used: CPU in all since its start, and memory over time since it was last told. */
export interface Used {
  cpuUsec?: number;
  memoryByteSeconds?: number;
}

/** How a run ended, as its monitor recorded it. */
export interface RunEnd {
  started: Moment;
  ended: Moment;
}

const orNull = (value: number | undefined) => value ?? null;
const integerOrNull = (value: number | undefined) => (value === undefined ? null : BigInt(Math.round(value)));

function instant(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) {
    throw new GranuleError("INVALID_ARGUMENT", `${name} is no time: ${JSON.stringify(text)}`, {
      hint: "write it as 2026-01-31T12:00:00Z",
    });
  }
  return BigInt(milliseconds) * 1_000_000n;
}

/**
 * The usage ledger: a segment for each allocation, opened at the start of a container, cut at each resize and closed
 * at its end. Durations are of CLOCK_BOOTTIME, so that setting the clock bills nobody. Each change is one transaction,
 * and doing it again changes nothing.
 */
export class Ledger {
  readonly #database: Database;
  readonly #bootId: string;
  readonly #now: () => bigint;

  /**
   * @param bootId of /proc/sys/kernel/random/boot_id: boot times of another boot mean nothing in this one
   * @param now CLOCK_BOOTTIME in nanoseconds
   */
  constructor(database: Database, bootId: string, now: () => bigint) {
    this.#database = database;
    this.#bootId = bootId;
    this.#now = now;
  }

  /** Opens the first segment of a run, unless one is open. */
  open(allocation: Allocation, at: Moment): void {
    this.#transaction(() => {
      if (!this.#openSegment(allocation.id)) this.#insert(allocation, at);
    });
  }

  /** Ends the open segment and begins one with another allocation, unless the allocation is the same. */
  cut(allocation: Allocation, at: Moment, used: Used): void {
    this.#transaction(() => {
      const open = this.#openSegment(allocation.id);
      if (!open) return;
      const memory = integerOrNull(allocation.memoryBytes);
      if (open.cpus === orNull(allocation.cpus) && open.memory_bytes === memory) return;
      this.#end(open, at, used);
      this.#insert(allocation, at);
    });
  }

  /** Notes what the open segment has used so far, and that it was seen: what is lost with the owner is little. */
  note(used: ReadonlyMap<string, Used>): void {
    this.#transaction(() => {
      for (const [id, each] of used) {
        const open = this.#openSegment(id);
        if (open) this.#noteUsed(open, each);
      }
    });
  }

  /**
   * Closes a run with the times its monitor recorded, and writes it whole where it was never opened.
   * Without an end it is closed at `lastSeen`; nobody is billed for time that nobody saw.
   */
  close(allocation: Allocation, end: RunEnd | undefined, used: Used, lastSeen?: Moment): void {
    this.#transaction(() => {
      let open = this.#openSegment(allocation.id);
      if (!open && end && !this.#isClosed(allocation.id, end)) {
        this.#insert(allocation, end.started);
        open = this.#openSegment(allocation.id);
      }
      if (!open) return;
      const at = end?.ended ?? lastSeen ?? { wallNs: open.started_ns, bootNs: open.started_boot_ns };
      this.#end(open, at, used);
      if (end) this.#correctStart(open, end.started);
    });
  }

  /** Usage records, whole, of the segments that overlap the time asked for; oldest first within a container. */
  query(filter: UsageFilter = {}): UsageRecord[] {
    const since = instant("since", filter.since);
    const until = instant("until", filter.until);
    // A run's records need all of its segments for their seconds, so times are filtered behind.
    const where = filter.id === undefined ? "" : "WHERE container_id = ?";
    const statement = this.#database
      .prepare(`SELECT * FROM usage_segments ${where} ORDER BY container_id, started_boot_ns, segment`)
      .safeIntegers(true);
    const segments = (filter.id === undefined ? statement.all() : statement.all(filter.id)) as Segment[];
    const wanted = Object.entries(filter.tags ?? {});
    return usageRecords(segments, this.#now(), this.#bootId).filter((record, index) => {
      const segment = segments[index];
      if (!segment || wanted.some(([key, value]) => record.tags[key] !== value)) return false;
      if (since !== undefined && segment.ended_ns !== null && segment.ended_ns <= since) return false;
      return until === undefined || segment.started_ns < until;
    });
  }

  #transaction(act: () => void): void {
    this.#database.transaction(act).immediate();
  }

  #openSegment(id: string): Segment | undefined {
    return this.#database
      .prepare("SELECT * FROM usage_segments WHERE container_id = ? AND ended_ns IS NULL ORDER BY segment DESC LIMIT 1")
      .safeIntegers(true)
      .get(id) as Segment | undefined;
  }

  /** A run ends once: a segment that ended at this boot time on this container is this run's. */
  #isClosed(id: string, { ended }: RunEnd): boolean {
    const row = this.#database
      .prepare("SELECT 1 FROM usage_segments WHERE container_id = ? AND ended_boot_ns = ? LIMIT 1")
      .get(id, ended.bootNs);
    return row !== undefined;
  }

  #insert(allocation: Allocation, at: Moment): void {
    this.#database
      .prepare(
        `INSERT INTO usage_segments(container_id, name, image, tags, cpus, memory_bytes, started_ns, started_boot_ns, boot_id)
         VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        allocation.id,
        allocation.name,
        allocation.image,
        JSON.stringify(allocation.tags),
        orNull(allocation.cpus),
        integerOrNull(allocation.memoryBytes),
        at.wallNs,
        at.bootNs,
        this.#bootId,
      );
  }

  #end(open: Segment, at: Moment, used: Used): void {
    this.#noteUsed(open, used);
    // A moment before the start, by clocks read one after the other, is no time at all.
    const bootNs = at.bootNs > open.started_boot_ns ? at.bootNs : open.started_boot_ns;
    this.#database
      .prepare("UPDATE usage_segments SET ended_ns = ?, ended_boot_ns = ? WHERE segment = ?")
      .run(at.wallNs, bootNs, open.segment);
  }

  #noteUsed(open: Segment, used: Used): void {
    const cpu = used.cpuUsec === undefined ? null : BigInt(Math.round(used.cpuUsec)) - this.#usedBefore(open);
    this.#database
      .prepare(
        `UPDATE usage_segments SET cpu_used_usec = max(coalesce(?, cpu_used_usec), 0),
         memory_byte_seconds = coalesce(coalesce(memory_byte_seconds, 0) + ?, memory_byte_seconds) WHERE segment = ?`,
      )
      .run(cpu, orNull(used.memoryByteSeconds), open.segment);
  }

  /** CPU time that the run's earlier segments have on their account: the kernel counts from the run's start. */
  #usedBefore(open: Segment): bigint {
    let used = 0n;
    for (let before = this.#before(open); before; before = this.#before(before)) used += before.cpu_used_usec ?? 0n;
    return used;
  }

  #before(segment: Segment): Segment | undefined {
    return this.#database
      .prepare(
        `SELECT * FROM usage_segments WHERE container_id = ? AND boot_id = ? AND ended_boot_ns = ? AND segment < ?
         ORDER BY segment DESC LIMIT 1`,
      )
      .safeIntegers(true)
      .get(segment.container_id, segment.boot_id, segment.started_boot_ns, segment.segment) as Segment | undefined;
  }

  /** The monitor's own time of the start is the truth; what was opened with was read a moment later. */
  #correctStart(open: Segment, started: Moment): void {
    let first = open;
    for (let before = this.#before(first); before; before = this.#before(before)) first = before;
    this.#database
      .prepare("UPDATE usage_segments SET started_ns = ?, started_boot_ns = ? WHERE segment = ?")
      .run(started.wallNs, started.bootNs, first.segment);
  }
}

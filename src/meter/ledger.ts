import type { UsageRecord } from "../api.js";
import { isDamage } from "../state/database.js";
import { recordHash } from "./chain.js";
import { second } from "./instant.js";
import type { LedgerStore } from "./ledger-store.js";
import type { Moment } from "./moment.js";
import { costOf, type Prices } from "./prices.js";
import {
  type Allocation,
  allocated,
  billedFrom,
  clipped,
  firstSegment,
  latest,
  type RecordRow,
  type Segment,
  secondsUntil,
  type Used,
  usageRecord,
  usedSince,
} from "./segment.js";

/** How a run ended, as its monitor recorded it. */
export interface RunEnd {
  started: Moment;
  ended: Moment;
}

/** How one record of a segment ends. */
interface Ending {
  at: Moment;
  used: Used;
  reason: string;
  /** The run is over. */
  last: boolean;
}

const day = 86_400n * second;

/**
 * The usage ledger: a segment for each allocation, opened at the start of a run, cut where a limit changes, at each
 * midnight of UTC and where a price sheet begins to hold, and closed at the run's end. What is closed is a record: it
 * never changes, and its hash covers all before it. Doing anything again changes nothing.
 */
export class Ledger {
  readonly #store: LedgerStore;
  readonly #bootId: string;
  /** Runs whose end is known here and may not be on disk yet. */
  readonly #ended = new Set<string>();

  /** @param bootId of /proc/sys/kernel/random/boot_id: boot times of another boot mean nothing in this one */
  constructor(store: LedgerStore, bootId: string) {
    this.#store = store;
    this.#bootId = bootId;
  }

  /** Opens the first segment of a run, unless it is open. It is written with the next flush: its monitor knows as much. */
  open(allocation: Allocation, started: Moment): Segment {
    const open = this.#store.segments.get(allocation.id);
    if (open?.runBootNs === started.bootNs && open.bootId === this.#bootId) return open;
    if (open) this.#closeUnseen(open, {});
    const segment = this.#first(allocation, started);
    this.#store.segments.set(segment.id, segment);
    this.#store.saveSegment(segment);
    return segment;
  }

  /** Ends the open segment and begins one with another allocation, unless the allocation is the same. */
  cut(allocation: Allocation, at: Moment, used: Used): void {
    const open = this.#store.segments.get(allocation.id);
    const next = allocated(allocation);
    if (!open || (open.cpuMilli === next.cpuMilli && open.memoryBytes === next.memoryBytes)) return;
    const last = this.#end(open, { at, used, reason: "resize", last: false });
    this.#goOn({ ...last, ...next });
    this.#store.flush();
  }

  /** Cuts what has passed midnight or the beginning of a price sheet. */
  cutAtBoundaries(id: string, at: Moment, used: Used): void {
    const open = this.#store.segments.get(id);
    if (open && this.#boundaries(open, at.bootNs).length > 0) this.#goOn(this.#split(open, at, used));
  }

  /** Notes what a run has used so far, and that it was seen: what is lost with the owner is little. */
  note(id: string, used: Used, seen: Moment): void {
    const open = this.see(id, used, seen);
    if (open) this.#store.saveSegment(open);
  }

  /** The same, but for the disk. */
  see(id: string, used: Used, seen: Moment): Segment | undefined {
    const open = this.#store.segments.get(id);
    if (!open) return undefined;
    open.used = latest(open.used, used);
    open.lastSeenNs = seen.wallNs;
    open.lastSeenBootNs = seen.bootNs;
    return open;
  }

  /**
   * Closes a run with the times its monitor recorded, and writes it whole where it was never opened. Without an end it
   * is closed where it was last seen: nobody is billed for time that nobody saw. It is on disk with the next flush.
   */
  close(allocation: Allocation, end: RunEnd | undefined, used: Used, reason = "exit", lastSeen?: Moment): void {
    let open = this.#store.segments.get(allocation.id);
    if (end && open && open.runBootNs < end.started.bootNs) {
      // An earlier run, whose end nobody saw.
      this.#closeUnseen(open, {});
      open = undefined;
    }
    if (!end) {
      if (open) this.#closeUnseen(open, used, lastSeen);
    } else if (open) {
      // Opened by a time read a moment after the start: the monitor's own is the truth.
      const isFirst = open.billedSeconds === 0n && open.startedBootNs === open.runBootNs;
      if (isFirst) Object.assign(open, this.#startOf(end.started));
      this.#finish(open, end, used, reason);
    } else if (!this.#isClosed(allocation.id, end)) {
      this.#finish(this.#first(allocation, end.started), end, used, reason);
    }
  }

  /** Writes what was closed. */
  flush(): void {
    if (this.#store.flush()) this.#ended.clear();
  }

  /** The open segments as records up to now; a second that has not passed is not counted. */
  openRecords(nowBootNs: bigint): RecordRow[] {
    return [...this.#store.segments.values()].map((segment) => this.#openRow(segment, nowBootNs));
  }

  /** An open segment as a record up to now, cut to what lies behind a time; undefined where nothing does. */
  openRecord(segment: Segment, nowBootNs: bigint, sinceNs?: bigint): RecordRow | undefined {
    return clipped(this.#openRow(segment, nowBootNs), sinceNs, undefined);
  }

  #openRow(segment: Segment, nowBootNs: bigint): RecordRow {
    const until = segment.bootId === this.#bootId ? nowBootNs : segment.lastSeenBootNs;
    const row = this.#row(segment, { at: this.#moment(segment, until), used: segment.used, reason: "", last: false });
    return { ...row, ended_ns: null };
  }

  /** The currency of a price sheet. */
  currency(sheet: bigint | null): string | undefined {
    return sheet === null ? undefined : this.#store.prices.find(({ id }) => id === Number(sheet))?.currency;
  }

  record(row: RecordRow): UsageRecord {
    return usageRecord(row, this.currency(row.price_sheet));
  }

  #first(allocation: Allocation, started: Moment): Segment {
    const tags = sortedJson(allocation.tags);
    return firstSegment(allocation, this.#store.tagSet(tags), tags, this.#bootId, started);
  }

  #startOf(started: Moment): Partial<Segment> {
    return { runBootNs: started.bootNs, startedNs: started.wallNs, startedBootNs: started.bootNs };
  }

  #finish(open: Segment, end: RunEnd, used: Used, reason: string): void {
    this.#end(open, { at: end.ended, used, reason, last: true });
    this.#ended.add(runKey(open.id, open.runBootNs));
    this.#store.dropSegment(open.id);
  }

  #closeUnseen(open: Segment, used: Used, lastSeen?: Moment): void {
    const seen = { wallNs: open.lastSeenNs, bootNs: open.lastSeenBootNs };
    const ended = lastSeen && lastSeen.bootNs > seen.bootNs && open.bootId === this.#bootId ? lastSeen : seen;
    this.#finish(open, { started: ended, ended }, used, "unseen");
  }

  #isClosed(id: string, { started }: RunEnd): boolean {
    if (this.#ended.has(runKey(id, started.bootNs))) return true;
    try {
      return this.#store.hasEnded(id, started.bootNs);
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      this.#store.replaceDamaged();
      return false;
    }
  }

  #goOn(segment: Segment): void {
    this.#store.segments.set(segment.id, segment);
    this.#store.saveSegment(segment);
  }

  /** Writes the records of a segment up to an ending; the segment that would go on from there. */
  #end(open: Segment, ending: Ending): Segment {
    // A moment before the start, by clocks read one after the other, is no time at all.
    const bootNs = ending.at.bootNs > open.startedBootNs ? ending.at.bootNs : open.startedBootNs;
    const at = { wallNs: wallOf(open, bootNs, ending.at.wallNs), bootNs };
    const rest = this.#split(open, at, ending.used);
    return this.#append(rest, { ...ending, at });
  }

  /**
   * Ends a segment at each boundary that it has passed. Boundaries lie on the wall clock as it stood at the segment's
   * start: a clock set since moves none. What was used counts where it was read, which is behind the last of them.
   */
  #split(open: Segment, at: Moment, used: Used): Segment {
    let rest = open;
    const boundaries = this.#boundaries(open, at.bootNs);
    for (const [index, { ns, reason }] of boundaries.entries()) {
      const bootNs = rest.startedBootNs + (ns - rest.startedNs);
      const isLast = index === boundaries.length - 1;
      // The tick behind a boundary is within a second or two of it, and what it read belongs before.
      const justPassed = isLast && at.bootNs - bootNs < 2n * second;
      rest = this.#append(rest, {
        at: { wallNs: ns, bootNs },
        used: justPassed ? used : rest.used,
        reason,
        last: false,
      });
    }
    return rest;
  }

  #boundaries(open: Segment, untilBootNs: bigint): { ns: bigint; reason: string }[] {
    const untilNs = open.startedNs + (untilBootNs - open.startedBootNs);
    const found: { ns: bigint; reason: string }[] = [];
    for (let ns = (open.startedNs / day + 1n) * day; ns < untilNs; ns += day) found.push({ ns, reason: "day" });
    for (const { validFromNs: ns } of this.#store.prices) {
      if (ns > open.startedNs && ns < untilNs && ns % day !== 0n) found.push({ ns, reason: "price" });
    }
    return found.sort((a, b) => (a.ns < b.ns ? -1 : 1));
  }

  #append(open: Segment, ending: Ending): Segment {
    const row = this.#row(open, ending);
    const head = this.#store.head;
    const record = head.record + 1;
    const hash = recordHash(head.hash, { ...row, record, ended_ns: ending.at.wallNs });
    this.#store.head = { record, hash };
    this.#store.write(
      "record",
      record,
      row.container_id,
      row.name,
      row.image,
      row.tag_set,
      row.cpu_milli,
      row.memory_bytes,
      row.boot_id,
      row.run_boot_ns,
      row.run_ended,
      row.started_ns,
      ending.at.wallNs,
      row.started_boot_ns,
      row.ended_boot_ns,
      row.billed_from_ns,
      row.seconds,
      row.cpu_used_usec,
      row.memory_byte_seconds,
      row.memory_peak_bytes,
      row.rx_bytes,
      row.tx_bytes,
      row.read_bytes,
      row.write_bytes,
      row.cost,
      row.price_sheet,
      row.end_reason,
      hash,
    );
    const used = latest(open.used, ending.used);
    return {
      ...open,
      startedNs: ending.at.wallNs,
      startedBootNs: ending.at.bootNs,
      billedSeconds: open.billedSeconds + row.seconds,
      billedCost: open.billedCost + (row.cost ?? 0n),
      before: used,
      used,
      lastSeenNs: ending.at.wallNs,
      lastSeenBootNs: ending.at.bootNs,
    };
  }

  /** A segment as the record that it would be if it ended so. */
  #row(open: Segment, { at, used: now, reason, last }: Ending): RecordRow {
    const used = latest(open.used, now);
    const since = usedSince(used, open.before);
    const seconds = secondsUntil(open, at.bootNs, last);
    const prices = this.#pricesAt(open.startedNs);
    const cpuMilli = open.cpuMilli === null ? null : BigInt(open.cpuMilli);
    const memoryBytes = open.memoryBytes === null ? null : BigInt(open.memoryBytes);
    return {
      record: null,
      container_id: open.id,
      name: open.name,
      image: open.image,
      tag_set: BigInt(open.tagSet),
      tags: open.tags,
      cpu_milli: cpuMilli,
      memory_bytes: memoryBytes,
      boot_id: open.bootId,
      run_boot_ns: open.runBootNs,
      run_ended: last ? 1n : 0n,
      started_ns: open.startedNs,
      ended_ns: at.wallNs,
      started_boot_ns: open.startedBootNs,
      ended_boot_ns: at.bootNs,
      billed_from_ns: billedFrom(open),
      seconds,
      cpu_used_usec: since.cpuUsec,
      memory_byte_seconds: since.memoryByteSeconds,
      memory_peak_bytes: used.memoryPeakBytes === undefined ? null : BigInt(used.memoryPeakBytes),
      rx_bytes: since.rxBytes,
      tx_bytes: since.txBytes,
      read_bytes: since.readBytes,
      write_bytes: since.writeBytes,
      cost: prices ? this.#cost(prices, open, seconds, since.txBytes ?? 0n, last) : null,
      price_sheet: prices ? BigInt(prices.id) : null,
      end_reason: reason,
    };
  }

  /** A run's minimums fall on its last record. */
  #cost(prices: Prices, open: Segment, seconds: bigint, egressBytes: bigint, last: boolean): bigint {
    const lacking = last ? prices.minimumSeconds - open.billedSeconds : 0n;
    const cost = costOf(prices, {
      cpuMilli: open.cpuMilli === null ? undefined : BigInt(open.cpuMilli),
      memoryBytes: open.memoryBytes === null ? undefined : BigInt(open.memoryBytes),
      seconds: seconds > lacking ? seconds : lacking,
      egressBytes,
    });
    const missing = last ? prices.minimumCost - open.billedCost : 0n;
    return cost > missing ? cost : missing;
  }

  /** The sheet in force at a time: the latest that had begun, and of two that begin together the one set last. */
  #pricesAt(ns: bigint): Prices | undefined {
    return this.#store.prices.findLast(({ validFromNs }) => validFromNs <= ns);
  }

  #moment(segment: Segment, bootNs: bigint): Moment {
    return { bootNs, wallNs: wallOf(segment, bootNs) };
  }
}

/** How far the wall clock may be from a run's own time before it counts as set. */
const slewNs = 10_000_000n;

/** A boot time on the wall clock as it stood when the segment began: a clock set since tears no run apart. */
function wallOf({ startedNs, startedBootNs }: Segment, bootNs: bigint, read?: bigint): bigint {
  const derived = startedNs + (bootNs - startedBootNs);
  const apart = read === undefined ? slewNs + 1n : read - derived;
  return read !== undefined && apart <= slewNs && apart >= -slewNs ? read : derived;
}

const runKey = (id: string, runBootNs: bigint): string => `${id} ${runBootNs}`;

/** JSON with the keys in order, so that the same tags are the same text. */
function sortedJson(tags: Record<string, string>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))));
}

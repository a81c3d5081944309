import type { Budget, MeterStatus, TagBudget } from "../api.js";
import { GranuleError } from "../errors.js";
import { budgetSince, exhausted, type Limit, readLimit, readTagBudget, type Spent } from "./budget.js";
import { writeHours } from "./curves.js";
import { moneyScale, parseDecimal } from "./decimal.js";
import { instant, second } from "./instant.js";
import { Ledger, type RunEnd } from "./ledger.js";
import { LedgerStore, type OnProblem } from "./ledger-store.js";
import type { Moment } from "./moment.js";
import { recentPool, recentSeconds } from "./recent.js";
import { compact } from "./retention.js";
import type { Allocation, Used } from "./segment.js";
import { type Counters, Tally } from "./tally.js";
import { TickLog } from "./tick-log.js";
import { summarizeRecords } from "./usage-query.js";

/** What a meter stands on. Tests put a clock of their own here. */
export interface MeterOptions {
  /** The ledger's file. */
  path: string;
  bootId: string;
  now: () => Moment;
  onProblem: OnProblem;
  /** A record is to be written: whoever gives this calls `flush`, before the exit record is deleted. Else it is written at once. */
  onPending?: () => void;
  /** A budget of a container is used up: it has to be stopped. */
  onExhausted?: (id: string, reason: string) => void;
}

/** A busy process, or a host that stalls, hears late of what was read; later than this, the clock was stepped meanwhile. */
const mostLateSeconds = 5;

/** When something was read, of which this process hears now. */
function readMoment(now: Moment, readSeconds: number): Moment {
  const lateSeconds = Number(now.wallNs) / 1e9 - readSeconds;
  if (lateSeconds <= 0 || lateSeconds > mostLateSeconds) return now;
  const lateNs = BigInt(Math.round(lateSeconds * 1e9));
  return { wallNs: now.wallNs - lateNs, bootNs: now.bootNs - lateNs };
}

/** One reading of one container. */
export interface MeterReading {
  id: string;
  counters: Counters;
}

interface Budgeted {
  limit: Limit;
  /** What earlier runs used up. */
  earlier: Spent;
}

interface BudgetedTag {
  budget: TagBudget;
  limit: Limit;
  since: string | undefined;
  closed: Spent;
  /** Records up to this one are in `closed`. */
  head: number;
}

/** Turns of the minute over which the writing of minutes is spread. */
const slots = 60;
const mostEnded = 1000;
/** Ticks between two tries of a disk that is full. */
const retryTicks = 10;
const tagBudgetTicks = 5;
const compactTicks = 3600;
const daySeconds = 86_400n;

/** Meters the runs of containers: the ledger, the seconds and minutes of use, and budgets. */
export class Meter {
  readonly store: LedgerStore;
  readonly ledger: Ledger;
  readonly tallies = new Map<string, Tally>();
  /** Those whose run has ended within the last 15 minutes, for their curves. */
  readonly ended = new Map<string, Tally>();
  readonly ticks = new TickLog();
  readonly #recent = recentPool();
  readonly #options: MeterOptions;
  readonly #allocations = new Map<string, Allocation>();
  readonly #budgets = new Map<string, Budgeted>();
  readonly #reasons = new Map<string, string>();
  readonly #tagBudgets = new Map<string, BudgetedTag>();
  #nextBoundaryNs: bigint | undefined;
  #compacting = false;

  /** @throws GranuleError FAILED_PRECONDITION where a newer version wrote the ledger */
  constructor(options: MeterOptions) {
    this.#options = options;
    this.store = new LedgerStore(options.path, options.onProblem);
    this.ledger = new Ledger(this.store, options.bootId);
    for (const text of this.store.budgets.values()) this.#addTagBudget(JSON.parse(text) as TagBudget);
  }

  now(): Moment {
    return this.#options.now();
  }

  /**
   * Whether a container may start by the budgets of its own and of its tags.
   *
   * @throws GranuleError FAILED_PRECONDITION that names the budget
   */
  admit(id: string, tags: Record<string, string>, budget: Budget | undefined): void {
    if (this.#tagBudgets.size === 0 && budget === undefined) return;
    const { wallNs } = this.now();
    if (budget !== undefined) {
      this.#requirePrices(budget, wallNs);
      const reason = exhausted(readLimit("budget.", budget), this.#closedSpent(id), wallNs);
      if (reason !== undefined) throw usedUp(`the container's budget is used up: ${reason}`);
    }
    for (const each of this.#tagBudgets.values()) {
      if (tags[each.budget.tag] !== each.budget.value) continue;
      const reason = exhausted(each.limit, this.#tagSpent(each), wallNs);
      if (reason !== undefined)
        throw usedUp(`the budget of ${each.budget.tag}=${each.budget.value} is used up: ${reason}`);
    }
  }

  #requirePrices({ maxCost }: Budget, wallNs: bigint): void {
    if (maxCost === undefined || this.store.prices.some(({ validFromNs }) => validFromNs <= wallNs)) return;
    throw new GranuleError("FAILED_PRECONDITION", "a budget with maxCost needs prices, and none are in force", {
      hint: "set them: granule usage prices FILE",
    });
  }

  /** A run has begun, or one that an earlier owner began goes on. */
  begin(allocation: Allocation, started: Moment, budget?: Budget): void {
    const { id } = allocation;
    const segment = this.ledger.open(allocation, started);
    const isNew = segment.billedSeconds === 0n && segment.used.cpuUsec === undefined;
    const now = this.now();
    // What an earlier owner did not see of it is a gap.
    const seenBootNs = isNew ? started.bootNs : now.bootNs;
    this.tallies.get(id)?.recent.release();
    this.tallies.set(id, new Tally(segment.used, Number(seenBootNs) / 1e9, this.#recent));
    this.#allocations.set(id, allocation);
    if (budget !== undefined) {
      const closed = this.#closedSpent(id);
      const earlier = { seconds: closed.seconds - segment.billedSeconds, cost: closed.cost - segment.billedCost };
      this.#budgets.set(id, { limit: readLimit("budget.", budget), earlier });
    }
    this.ledger.cutAtBoundaries(id, now, segment.used);
    // Its size may have been changed just before the last owner ended.
    this.ledger.cut(allocation, now, segment.used);
  }

  /** A limit was changed in place. @param cpuUsec as read now */
  resize(allocation: Allocation, cpuUsec: number | undefined): void {
    const tally = this.tallies.get(allocation.id);
    if (!tally) return;
    const now = this.now();
    if (cpuUsec !== undefined) tally.sawCpu(cpuUsec);
    this.#allocations.set(allocation.id, allocation);
    this.ledger.cut(allocation, now, tally.usedUntil(Number(now.bootNs) / 1e9));
  }

  /**
   * A run has ended; without an end, nobody saw it end.
   * @param counters its last ones
   */
  end(allocation: Allocation, end: RunEnd | undefined, counters: Used, reason: string): void {
    const { id } = allocation;
    const tally = this.tallies.get(id);
    const used = (end ? tally?.usedUntil(Number(end.ended.bootNs) / 1e9) : tally?.used) ?? {};
    if (tally) writeHours(this.store, id, tally, true);
    this.tallies.delete(id);
    if (tally?.seen) this.#keepEnded(id, tally);
    else tally?.recent.release();
    this.#allocations.delete(id);
    this.#budgets.delete(id);
    const budgetReason = this.#reasons.get(id);
    this.#reasons.delete(id);
    this.ledger.close(allocation, end, { ...used, ...counters }, budgetReason ?? reason, tally?.seen);
    if (this.#options.onPending) this.#options.onPending();
    else this.flush();
  }

  /** Writes what was recorded, unless the disk takes nothing: it waits on, then. */
  flush(): void {
    this.ledger.flush();
  }

  #keepEnded(id: string, tally: Tally): void {
    // Behind all others: the oldest are let go of first.
    this.ended.get(id)?.recent.release();
    this.ended.delete(id);
    this.ended.set(id, tally);
    const oldest = this.now().bootNs - BigInt(recentSeconds) * second;
    for (const [each, { seen, recent }] of this.ended) {
      if (this.ended.size <= mostEnded && (seen?.bootNs ?? 0n) >= oldest) break;
      recent.release();
      this.ended.delete(each);
    }
  }

  /** Why granule has stopped a container that is still ending; undefined where it has not. */
  reason(id: string): string | undefined {
    return this.#reasons.get(id);
  }

  /**
   * All that was read on one second.
   * @param readSeconds when the first of it was, in seconds since the epoch; undefined where nothing was read
   */
  tick(readings: Iterable<MeterReading>, readSeconds: number | undefined): void {
    const now = this.now();
    const bootSeconds = Number(now.bootNs) / 1e9;
    const wholeSecond = this.ticks.note(readSeconds ?? Number(now.wallNs) / 1e9, bootSeconds);
    this.#cutAtBoundaries(now);
    const read = readSeconds === undefined ? now : readMoment(now, readSeconds);
    for (const { id, counters } of readings) this.tallies.get(id)?.take(counters, wholeSecond, read);
    this.#writeSlot(wholeSecond % slots);
    this.#enforce(now);
    this.store.flush(this.ticks.ticks % retryTicks === 0);
    if (this.#compacting || this.ticks.ticks % compactTicks === 1) this.#compacting = compact(this.store, now.wallNs);
  }

  /** Writes what some of the containers have used: over a minute each has its turn. */
  #writeSlot(slot: number): void {
    let index = 0;
    // Without the pairs that an iterator makes: there may be thousands each second.
    this.tallies.forEach((tally, id) => {
      if (index++ % slots === slot) this.#note(id, tally);
    });
  }

  #note(id: string, tally: Tally): void {
    if (tally.seen) this.ledger.note(id, tally.used, tally.seen);
    writeHours(this.store, id, tally);
  }

  /** Cuts all runs where midnight of UTC has passed, or a price sheet has begun to hold. */
  #cutAtBoundaries(now: Moment): void {
    if (this.#nextBoundaryNs !== undefined && now.wallNs < this.#nextBoundaryNs) return;
    if (this.#nextBoundaryNs !== undefined) {
      for (const [id, tally] of this.tallies) this.ledger.cutAtBoundaries(id, now, tally.used);
    }
    const midnight = (now.wallNs / (daySeconds * second) + 1n) * daySeconds * second;
    const sheets = this.store.prices.map(({ validFromNs }) => validFromNs).filter((ns) => ns > now.wallNs);
    this.#nextBoundaryNs = [midnight, ...sheets].reduce((least, ns) => (ns < least ? ns : least));
  }

  /** New prices: those that hold from now on cut what runs. */
  pricesChanged(): void {
    this.#nextBoundaryNs = 0n;
    this.#cutAtBoundaries(this.now());
    this.store.flush();
  }

  #enforce(now: Moment): void {
    for (const [id, { limit, earlier }] of this.#budgets) {
      const open = this.#openSpent(id, now.bootNs);
      const spent = { seconds: earlier.seconds + open.seconds, cost: earlier.cost + open.cost };
      const reason = exhausted(limit, spent, now.wallNs);
      if (reason !== undefined) this.#exhaust(id, `budget: ${reason}`);
    }
    if (this.#tagBudgets.size === 0 || this.ticks.ticks % tagBudgetTicks !== 0) return;
    for (const each of this.#tagBudgets.values()) {
      const { tag, value } = each.budget;
      const reason = exhausted(each.limit, this.#tagSpent(each), now.wallNs);
      if (reason === undefined) continue;
      for (const [id, { tags }] of this.#allocations) {
        if (tags[tag] === value) this.#exhaust(id, `budget of ${tag}=${value}: ${reason}`);
      }
    }
  }

  #exhaust(id: string, reason: string): void {
    if (this.#reasons.has(id)) return;
    this.#reasons.set(id, reason);
    this.#options.onExhausted?.(id, reason);
  }

  /** What the records of a container have used up. */
  #closedSpent(id: string): Spent {
    const [sums] = summarizeRecords(this.store, this.ledger, { id }, 0n, false);
    return { seconds: BigInt(sums?.seconds ?? 0), cost: parseDecimal("cost", sums?.cost ?? "0", moneyScale) };
  }

  /** What the run that goes on has used up. */
  #openSpent(id: string, nowBootNs: bigint): Spent {
    const segment = this.store.segments.get(id);
    const row = segment && this.ledger.openRecord(segment, nowBootNs);
    if (!segment || !row) return { seconds: 0n, cost: 0n };
    return { seconds: segment.billedSeconds + row.seconds, cost: segment.billedCost + (row.cost ?? 0n) };
  }

  #tagSpent(each: BudgetedTag): Spent {
    const now = this.now();
    const { tag, value } = each.budget;
    const since = budgetSince(each.budget, now.wallNs);
    if (since !== each.since || each.head !== this.store.head.record) {
      each.since = since;
      each.head = this.store.head.record;
      const filter = { tags: { [tag]: value }, ...(since === undefined ? {} : { since }) };
      each.closed = { seconds: 0n, cost: 0n };
      for (const sums of summarizeRecords(this.store, this.ledger, filter, now.bootNs, false)) {
        each.closed.seconds += BigInt(sums.seconds);
        each.closed.cost += parseDecimal("cost", sums.cost ?? "0", moneyScale);
      }
    }
    const spent = { ...each.closed };
    const sinceNs = since === undefined ? 0n : instant("since", since);
    for (const [id, { tags }] of this.#allocations) {
      const segment = tags[tag] === value ? this.store.segments.get(id) : undefined;
      if (!segment) continue;
      const row = this.ledger.openRecord(segment, now.bootNs, sinceNs);
      spent.seconds += row?.seconds ?? 0n;
      spent.cost += row?.cost ?? 0n;
    }
    return spent;
  }

  tagBudgets(): { budget: TagBudget; spent: Spent }[] {
    return [...this.#tagBudgets.values()].map((each) => ({ budget: each.budget, spent: this.#tagSpent(each) }));
  }

  /** @throws GranuleError INVALID_ARGUMENT */
  setTagBudget(given: TagBudget): void {
    const budget = readTagBudget(given);
    this.#requirePrices(budget, this.now().wallNs);
    const key = JSON.stringify([budget.tag, budget.value]);
    if (budget.maxSeconds === undefined && budget.maxCost === undefined && budget.deadline === undefined) {
      this.#tagBudgets.delete(key);
      this.store.budgets.delete(key);
      this.store.write("unbudget", budget.tag, budget.value);
    } else {
      this.#addTagBudget(budget);
      this.store.budgets.set(key, JSON.stringify(budget));
      this.store.write("budget", budget.tag, budget.value, JSON.stringify(budget));
    }
    this.store.flush();
  }

  #addTagBudget(budget: TagBudget): void {
    this.#tagBudgets.set(JSON.stringify([budget.tag, budget.value]), {
      budget,
      limit: readLimit("", budget),
      since: undefined,
      closed: { seconds: 0n, cost: 0n },
      head: -1,
    });
  }

  /** Brings what is open up to the last second, for whoever asks. */
  refresh(): void {
    for (const [id, tally] of this.tallies) if (tally.seen) this.ledger.see(id, tally.used, tally.seen);
  }

  status(): MeterStatus {
    const { problem } = this.store;
    return {
      ticks: this.ticks.ticks,
      missedTicks: this.ticks.missed,
      jitterMs: { last: round(this.ticks.lastJitterMs), max: round(this.ticks.maxJitterMs) },
      containers: this.tallies.size,
      records: this.store.head.record,
      pendingWrites: this.store.pendingWrites,
      ...(problem === undefined ? {} : { problem }),
      path: this.store.path,
      retention: this.store.retention,
    };
  }

  /** Writes what is known of running containers, and lets go. */
  close(): void {
    for (const [id, tally] of this.tallies) this.#note(id, tally);
    this.store.close();
    this.tallies.clear();
  }
}

const round = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;

const usedUp = (message: string) =>
  new GranuleError("FAILED_PRECONDITION", message, {
    hint: "raise the tag's budget with `granule usage budget`, or make a container with a larger one",
  });

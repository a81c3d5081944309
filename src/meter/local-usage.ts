import type {
  PriceSheet,
  TagBudget,
  Usage,
  UsageCurve,
  UsageFilter,
  UsageGroup,
  UsageRecord,
  UsageRetention,
  UsageVerification,
} from "../api.js";
import { GranuleError } from "../errors.js";
import { isDamage } from "../state/database.js";
import { curves, type Subject } from "./curves.js";
import { formatDecimal, moneyScale } from "./decimal.js";
import { isoTime } from "./instant.js";
import type { Meter } from "./meter.js";
import { MeterMetrics } from "./metrics.js";
import { priceSheet, readPrices } from "./prices.js";
import { readRetention } from "./retention.js";
import { queryRecords, summarizeRecords } from "./usage-query.js";
import { verifyChain } from "./verify.js";

/** The usage of this process's meter. */
export class LocalUsage implements Usage {
  readonly #meter: Meter;
  #metrics: MeterMetrics | undefined;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  async query(filter: UsageFilter = {}): Promise<UsageRecord[]> {
    const { store, ledger } = this.#meter;
    this.#meter.refresh();
    return this.#read(() => queryRecords(store, ledger, filter, this.#meter.now().bootNs));
  }

  async summarize(options: UsageFilter & { by?: string[] } = {}): Promise<UsageGroup[]> {
    const { store, ledger } = this.#meter;
    this.#meter.refresh();
    return this.#read(() => summarizeRecords(store, ledger, options, this.#meter.now().bootNs));
  }

  async curves(filter: UsageFilter = {}): Promise<UsageCurve[]> {
    const { store, tallies, ended } = this.#meter;
    return this.#read(() => {
      const now = Number(this.#meter.now().wallNs / 1_000_000_000n);
      return curves(store, this.#subjects(filter), { running: tallies, ended }, filter, now);
    });
  }

  /** Those whose records fall into the span: each once, as its last record has it. */
  #subjects(filter: UsageFilter): Subject[] {
    const { store, ledger } = this.#meter;
    const dayAgo = isoTime(this.#meter.now().wallNs - 86_400_000_000_000n);
    const records = queryRecords(
      store,
      ledger,
      { since: filter.until === undefined ? dayAgo : "1970-01-01", ...filter },
      this.#meter.now().bootNs,
    );
    const subjects = new Map<string, Subject>();
    for (const { id, name, tags, cpus, memoryBytes } of records) {
      subjects.set(id, {
        id,
        name,
        tags,
        ...(cpus === undefined ? {} : { cpus }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      });
    }
    return [...subjects.values()];
  }

  async verify(options: { expect?: { record: number; hash: string } } = {}): Promise<UsageVerification> {
    const { expect } = options;
    if (expect !== undefined && (!Number.isSafeInteger(expect.record) || !/^[0-9a-f]{64}$/.test(expect.hash))) {
      throw new GranuleError("INVALID_ARGUMENT", "expect is no record number and hash", {
        hint: "give what an earlier verification printed as the head, such as 42:9f86d0...",
      });
    }
    return verifyChain(this.#meter.store, expect);
  }

  async prices(): Promise<PriceSheet[]> {
    return this.#meter.store.prices.map((sheet) => priceSheet(sheet, isoTime));
  }

  async setPrices(sheet: PriceSheet): Promise<PriceSheet> {
    const { wallNs } = this.#meter.now();
    const prices = readPrices(sheet, wallNs);
    if (prices.validFromNs < wallNs) {
      throw new GranuleError("INVALID_ARGUMENT", `validFrom has passed: ${sheet.validFrom}`, {
        hint: "what is closed keeps its price: let it begin now, by leaving validFrom out, or later",
      });
    }
    const added = this.#meter.store.addPrices(prices, wallNs);
    this.#meter.pricesChanged();
    return priceSheet(added, isoTime);
  }

  async budgets(): Promise<TagBudget[]> {
    return this.#read(() =>
      this.#meter.tagBudgets().map(({ budget, spent }) => ({
        ...budget,
        used: { seconds: Number(spent.seconds), cost: formatDecimal(spent.cost, moneyScale) },
      })),
    );
  }

  async setBudget(budget: TagBudget): Promise<TagBudget[]> {
    this.#meter.setTagBudget(budget);
    return this.budgets();
  }

  async setRetention(given: Partial<UsageRetention>): Promise<UsageRetention> {
    const { store } = this.#meter;
    store.retention = readRetention(given, store.retention);
    store.setting("retention", store.retention);
    store.flush();
    return store.retention;
  }

  async status(): ReturnType<Usage["status"]> {
    return this.#meter.status();
  }

  async metrics(): Promise<string> {
    this.#metrics ??= new MeterMetrics(this.#meter);
    return this.#metrics.render();
  }

  /** A damaged ledger found by a reader is set aside as one found by a writer is. */
  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      this.#meter.store.replaceDamaged();
      throw new GranuleError(
        "CORRUPT",
        "the usage ledger was damaged and has been set aside; metering goes on in a new one",
        {
          path: this.#meter.store.path,
          hint: "what the damaged one has can be read with `sqlite3 .recover`",
          cause: thrown,
        },
      );
    }
  }
}

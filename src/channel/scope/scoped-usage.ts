import type { Usage, UsageFilter } from "../../api.js";
import { GranuleError } from "../../errors.js";
import { narrowed, selects, type Tags } from "./selector.js";

/** The usage of what has a selector's tags. What is of the whole host is refused. */
export function scopedUsage(usage: Usage, selector: Tags): Usage {
  const within = async <T>(filter: UsageFilter = {}, read: (filter: UsageFilter) => Promise<T[]>): Promise<T[]> => {
    const tags = narrowed(selector, filter.tags);
    return tags === undefined ? [] : read({ ...filter, tags });
  };
  const refuse = (what: string) => async () =>
    Promise.reject(new GranuleError("PERMISSION_DENIED", `${what} is not for a token that is bound to tags`));
  return {
    query: (filter) =>
      within(filter, async (narrow) => {
        const records = await usage.query(narrow);
        return records.filter((record) => selects(selector, record.tags));
      }),
    summarize: (options) => within(options, (narrow) => usage.summarize({ ...options, ...narrow })),
    curves: (filter) =>
      within(filter, async (narrow) => {
        const found = await usage.curves(narrow);
        return found.filter(({ tags }) => selects(selector, tags));
      }),
    prices: () => usage.prices(),
    budgets: async () => (await usage.budgets()).filter(({ tag, value }) => selector[tag] === value),
    verify: refuse("going through the whole ledger"),
    setPrices: refuse("setting prices"),
    setBudget: refuse("setting budgets"),
    setRetention: refuse("changing what the ledger keeps"),
    status: refuse("the state of the meter"),
    metrics: refuse("the metrics of the whole host"),
  };
}

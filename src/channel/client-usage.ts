import type { Usage } from "../api.js";
import type { ClientLink } from "./client-link.js";

/** The usage of the runtime at the other end. */
export function remoteUsage(link: ClientLink): Usage {
  return {
    query: (filter = {}) => link.call("usage.query", filter),
    summarize: (options = {}) => link.call("usage.summarize", options),
    curves: (filter = {}) => link.call("usage.curves", filter),
    verify: (options = {}) => link.call("usage.verify", options),
    prices: () => link.call("usage.prices", {}),
    setPrices: (sheet) => link.call("usage.setPrices", sheet),
    budgets: () => link.call("usage.budgets", {}),
    setBudget: (budget) => link.call("usage.setBudget", budget),
    setRetention: (retention) => link.call("usage.setRetention", retention),
    status: () => link.call("usage.status", {}),
    metrics: () => link.call("usage.metrics", {}),
  };
}

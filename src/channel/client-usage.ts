import type { Usage } from "../api.js";
import type { ClientConnection } from "./client-connection.js";

/** The usage of the runtime at the other end. */
export function remoteUsage(connection: ClientConnection): Usage {
  return {
    query: (filter = {}) => connection.call("usage.query", filter),
    summarize: (options = {}) => connection.call("usage.summarize", options),
    curves: (filter = {}) => connection.call("usage.curves", filter),
    verify: (options = {}) => connection.call("usage.verify", options),
    prices: () => connection.call("usage.prices", {}),
    setPrices: (sheet) => connection.call("usage.setPrices", sheet),
    budgets: () => connection.call("usage.budgets", {}),
    setBudget: (budget) => connection.call("usage.setBudget", budget),
    setRetention: (retention) => connection.call("usage.setRetention", retention),
    status: () => connection.call("usage.status", {}),
    metrics: () => connection.call("usage.metrics", {}),
  };
}

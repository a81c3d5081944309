import type { Budget, TagBudget } from "../api.js";
import { GranuleError } from "../errors.js";
import { moneyScale, parseDecimal } from "./decimal.js";
import { instant, isoTime, second } from "./instant.js";

/** What has been used of a budget: whole seconds, and cost in 10^-9. */
export interface Spent {
  seconds: bigint;
  cost: bigint;
}

/** A budget's limits in the ledger's units. */
export interface Limit {
  maxSeconds: bigint | undefined;
  maxCost: bigint | undefined;
  deadlineNs: bigint | undefined;
}

/** @throws GranuleError INVALID_ARGUMENT that names the field */
export function readLimit(name: string, budget: Budget): Limit {
  const { maxSeconds, maxCost, deadline } = budget;
  if (maxSeconds !== undefined && (!Number.isSafeInteger(maxSeconds) || maxSeconds < 1)) {
    throw new GranuleError(
      "INVALID_ARGUMENT",
      `${name}maxSeconds is no number of seconds: ${JSON.stringify(maxSeconds)}`,
      {
        hint: "give whole seconds, at least 1",
      },
    );
  }
  return {
    maxSeconds: maxSeconds === undefined ? undefined : BigInt(maxSeconds),
    maxCost: maxCost === undefined ? undefined : parseDecimal(`${name}maxCost`, maxCost, moneyScale),
    deadlineNs: deadline === undefined ? undefined : instant(`${name}deadline`, deadline),
  };
}

/** Why a budget is used up; undefined while it is not. */
export function exhausted(limit: Limit, spent: Spent, nowNs: bigint): string | undefined {
  if (limit.deadlineNs !== undefined && nowNs >= limit.deadlineNs) return `deadline ${isoTime(limit.deadlineNs)}`;
  if (limit.maxSeconds !== undefined && spent.seconds >= limit.maxSeconds) return `maxSeconds ${limit.maxSeconds}`;
  if (limit.maxCost !== undefined && spent.cost >= limit.maxCost) return "maxCost";
  return undefined;
}

const known = ["tag", "value", "maxSeconds", "maxCost", "deadline", "period", "since", "used"];

/** @throws GranuleError INVALID_ARGUMENT that names the field */
export function readTagBudget(budget: TagBudget): TagBudget {
  const stranger = Object.keys(budget).find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new GranuleError("INVALID_ARGUMENT", `no such field of a budget: ${stranger}`, {
      hint: `known are: ${known.join(", ")}`,
    });
  }
  for (const field of ["tag", "value"] as const) {
    if (typeof budget[field] !== "string" || budget[field] === "") {
      throw new GranuleError("INVALID_ARGUMENT", `${field} is no text: ${JSON.stringify(budget[field])}`, {
        hint: "name the tag and the value that the budget is for",
      });
    }
  }
  if (budget.period !== undefined && budget.period !== "day" && budget.period !== "month") {
    throw new GranuleError("INVALID_ARGUMENT", `period cannot be ${JSON.stringify(budget.period)}`, {
      hint: "give day or month, or leave it out",
    });
  }
  readLimit("", budget);
  if (budget.since !== undefined) instant("since", budget.since);
  const { used: _, ...checked } = budget;
  return checked;
}

/** From when on a tag's use counts. */
export function budgetSince(budget: TagBudget, nowNs: bigint): string | undefined {
  if (budget.period === undefined) return budget.since;
  const date = new Date(Number(nowNs / 1_000_000n));
  const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), budget.period === "day" ? date.getUTCDate() : 1);
  return isoTime(BigInt(from / 1000) * second);
}

import type { PriceSheet } from "../api.js";
import { GranuleError } from "../errors.js";
import { divideHalfEven, divideUp, formatDecimal, moneyScale, parseDecimal } from "./decimal.js";
import { instant } from "./instant.js";

const priceScale = 15;
const stepScale = 9;
const priceUnit = 10n ** BigInt(priceScale);
const stepUnit = 10n ** BigInt(stepScale);
const moneyUnit = 10n ** BigInt(moneyScale);
const gib = 2n ** 30n;
const gb = 10n ** 9n;

/** A price sheet as the arithmetic takes it. */
export interface Prices {
  /** Its number in the ledger. */
  id: number;
  validFromNs: bigint;
  currency: string;
  /** In 10^-15 of the currency. */
  perVcpuSecond: bigint;
  perGibSecond: bigint;
  perGbEgress: bigint;
  minimumSeconds: bigint;
  /** In 10^-9 of the currency. */
  minimumCost: bigint;
  /** In 10^-9 vCPU and GiB; 0 is no step. */
  vcpuStep: bigint;
  memoryStep: bigint;
}

/** What is priced: allocation in thousandths of a vCPU and bytes; undefined where there is no limit to bill. */
export interface Quantity {
  cpuMilli: bigint | undefined;
  memoryBytes: bigint | undefined;
  seconds: bigint;
  egressBytes: bigint;
}

const known = [
  "validFrom",
  "currency",
  "perVcpuSecond",
  "perGibSecond",
  "perGbEgress",
  "minimumSeconds",
  "minimumCost",
  "vcpuStep",
  "memoryStepGib",
];

/**
 * Checks a price sheet that came from outside.
 *
 * @throws GranuleError INVALID_ARGUMENT that names the field and how to mend it
 */
export function readPrices(sheet: PriceSheet, nowNs: bigint): Omit<Prices, "id"> {
  if (typeof sheet !== "object" || sheet === null || Array.isArray(sheet)) {
    throw invalid("a price sheet is an object", 'such as {"currency": "EUR", "perVcpuSecond": "0.0000135"}');
  }
  const stranger = Object.keys(sheet).find((name) => !known.includes(name));
  if (stranger !== undefined) throw invalid(`no such price: ${stranger}`, `known are: ${known.join(", ")}`);
  if (typeof sheet.currency !== "string" || !/^[A-Z]{3}$/.test(sheet.currency)) {
    throw invalid(`currency is none: ${JSON.stringify(sheet.currency)}`, "give the three letters of ISO 4217, as EUR");
  }
  const decimal = (name: keyof PriceSheet, scale: number): bigint => {
    const text = sheet[name];
    return text === undefined ? 0n : parseDecimal(name, text as string, scale);
  };
  const { minimumSeconds = 0 } = sheet;
  if (!Number.isSafeInteger(minimumSeconds) || minimumSeconds < 0) {
    throw invalid(`minimumSeconds is no whole number: ${JSON.stringify(minimumSeconds)}`, "give whole seconds");
  }
  return {
    validFromNs: sheet.validFrom === undefined ? nowNs : instant("validFrom", sheet.validFrom),
    currency: sheet.currency,
    perVcpuSecond: decimal("perVcpuSecond", priceScale),
    perGibSecond: decimal("perGibSecond", priceScale),
    perGbEgress: decimal("perGbEgress", priceScale),
    minimumSeconds: BigInt(minimumSeconds),
    minimumCost: decimal("minimumCost", moneyScale),
    vcpuStep: decimal("vcpuStep", stepScale),
    memoryStep: decimal("memoryStepGib", stepScale),
  };
}

/** A sheet's cost of a quantity in 10^-9 of its currency: the exact sum, rounded half to even once. */
export function costOf(prices: Prices, { cpuMilli, memoryBytes, seconds, egressBytes }: Quantity): bigint {
  const vcpus = stepped(((cpuMilli ?? 0n) * stepUnit) / 1000n, 1n, prices.vcpuStep);
  const memory = stepped((memoryBytes ?? 0n) * stepUnit, gib, prices.memoryStep);
  // Over the one denominator of priceUnit * stepUnit * gib * gb.
  const sum =
    prices.perVcpuSecond * vcpus * seconds * gib * gb +
    prices.perGibSecond * memory * seconds * gb +
    prices.perGbEgress * egressBytes * stepUnit * gib;
  return divideHalfEven(sum * moneyUnit, priceUnit * stepUnit * gib * gb);
}

/** `amount / unit` rounded up to whole steps, again over `unit`. */
function stepped(amount: bigint, unit: bigint, step: bigint): bigint {
  return step === 0n ? amount : divideUp(amount, step * unit) * step * unit;
}

/** A sheet as callers read it: what is not in it is not there. */
export function priceSheet(sheet: Prices, isoTime: (ns: bigint) => string): PriceSheet {
  const shown: PriceSheet = { validFrom: isoTime(sheet.validFromNs), currency: sheet.currency };
  if (sheet.perVcpuSecond > 0n) shown.perVcpuSecond = formatDecimal(sheet.perVcpuSecond, priceScale);
  if (sheet.perGibSecond > 0n) shown.perGibSecond = formatDecimal(sheet.perGibSecond, priceScale);
  if (sheet.perGbEgress > 0n) shown.perGbEgress = formatDecimal(sheet.perGbEgress, priceScale);
  if (sheet.minimumSeconds > 0n) shown.minimumSeconds = Number(sheet.minimumSeconds);
  if (sheet.minimumCost > 0n) shown.minimumCost = formatDecimal(sheet.minimumCost, moneyScale);
  if (sheet.vcpuStep > 0n) shown.vcpuStep = formatDecimal(sheet.vcpuStep, stepScale);
  if (sheet.memoryStep > 0n) shown.memoryStepGib = formatDecimal(sheet.memoryStep, stepScale);
  return shown;
}

function invalid(message: string, hint: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", message, { hint });
}

import { GranuleError } from "../errors.js";

/**
 * Exact decimals as whole numbers of 10^-scale, in BigInt: money never meets a binary fraction. Digits beyond the
 * scale are refused and not rounded away.
 */

/** Decimals of money in the ledger: one second of a hundredth of a vCPU costs about 10^-7 of any currency. */
export const moneyScale = 9;

/** @throws GranuleError INVALID_ARGUMENT that names the value */
export function parseDecimal(name: string, text: string, scale: number): bigint {
  const match = typeof text === "string" ? /^(\d{1,18})(?:\.(\d+))?$/.exec(text) : null;
  if (!match) {
    throw new GranuleError("INVALID_ARGUMENT", `${name} is no decimal: ${JSON.stringify(text)}`, {
      hint: "write it as text in plain digits, such as 0.0000135",
    });
  }
  const fraction = match[2] ?? "";
  if (fraction.length > scale) {
    throw new GranuleError("INVALID_ARGUMENT", `${name} has ${fraction.length} decimals: ${text}`, {
      hint: `give at most ${scale}`,
    });
  }
  return BigInt((match[1] ?? "") + fraction.padEnd(scale, "0"));
}

/** All digits of a value, with no fewer decimals than told and no needless zeros behind them. */
export function formatDecimal(value: bigint, scale: number, leastDecimals = 0): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits
    .slice(digits.length - scale)
    .replace(/0+$/, "")
    .padEnd(leastDecimals, "0");
  return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** A quotient of whole numbers that are not negative, rounded half to even: over many records it leans neither way. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/** A quotient of whole numbers that are not negative, rounded up. */
export const divideUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator;

/** The exact sum of sums of money. */
export const addDecimals = (texts: readonly string[]): string =>
  formatDecimal(
    texts.reduce((sum, text) => sum + parseDecimal("cost", text, moneyScale), 0n),
    moneyScale,
  );

/** Sums of money with as many decimals as the longest of them, so that they stand below each other. */
export function alignDecimals(texts: readonly (string | undefined)[]): (string | undefined)[] {
  const decimals = (text: string | undefined) => text?.split(".")[1]?.length ?? 0;
  const most = Math.max(2, ...texts.map(decimals));
  return texts.map((text) => text && formatDecimal(parseDecimal("cost", text, moneyScale), moneyScale, most));
}

import { GranuleError } from "../errors.js";

export const second = 1_000_000_000n;

const pattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Epoch nanoseconds of an ISO 8601 time with its zone, or of a date, which is its midnight in UTC.
 *
 * @throws GranuleError INVALID_ARGUMENT that names it
 */
export function instant(name: string, text: string): bigint {
  const milliseconds = pattern.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds)) {
    throw new GranuleError("INVALID_ARGUMENT", `${name} is no time: ${JSON.stringify(text)}`, {
      hint: "write it as 2026-01-31T12:00:00Z",
    });
  }
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? "";
  const wholeSeconds = BigInt(Math.floor(milliseconds / 1000));
  return wholeSeconds * second + BigInt(fraction.padEnd(9, "0"));
}

/** ISO 8601 in UTC with nanoseconds. */
export const isoTime = (ns: bigint): string =>
  `${new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19)}.${String(ns % second).padStart(9, "0")}Z`;

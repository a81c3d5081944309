import { invalid } from "./invalid.js";

const unitMilliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/;

/** Milliseconds of a duration: `90s`, `1h30m`, `250ms`, `2d`, or a bare number of seconds. */
export function parseDuration(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!durationPattern.test(text)) throw invalid(`'${text}' is not a duration`, "write it as 90s, 15m or 1h30m");
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    milliseconds += Number(amount) * (unitMilliseconds[unit ?? ""] ?? 0);
  }
  return Math.round(milliseconds);
}

/** A point in time to come as ISO 8601 UTC: a duration from now (`90m`), or as `parseTime` takes it. */
export function parseDeadline(text: string, now: number = Date.now()): string {
  return durationPattern.test(text) ? new Date(now + parseDuration(text)).toISOString() : parseTime(text, now);
}

/**
 * A point in time as ISO 8601 UTC, from what `--since` and `--until` take: a duration before now (`10m`), seconds since
 * the epoch (`1790000000.5`), or a date with or without a time (`2026-11-23`, `2026-11-23T10:00:00Z`). A time without a
 * zone is local.
 */
export function parseTime(text: string, now: number = Date.now()): string {
  if (durationPattern.test(text)) return new Date(now - parseDuration(text)).toISOString();
  if (/^\d{9,}(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000).toISOString();
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;
  const time = iso.test(text) ? Date.parse(text.includes("T") ? text : `${text}T00:00`) : Number.NaN;
  if (Number.isNaN(time)) {
    throw invalid(`'${text}' is not a time`, "write it as 10m (ago), 2026-11-23T10:00:00Z or seconds since the epoch");
  }
  return new Date(time).toISOString();
}

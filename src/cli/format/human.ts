const sizeUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people: at most three digits (a fourth below 1024) and a binary unit. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${decimal(value, unit === 0 || value >= 99.95 ? 0 : 1)} ${sizeUnits[unit] ?? ""}`;
}

const ageUnits: [name: string, seconds: number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A span of time in its largest unit: `3 minutes`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [name, unitSeconds] = ageUnits.find(([, unit]) => seconds >= unit) ?? ["second", 1];
  const count = Math.floor(seconds / unitSeconds);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/** How long ago an ISO 8601 time was. */
export function humanAge(time: string, now: number = Date.now()): string {
  return `${humanDuration(now - Date.parse(time))} ago`;
}

/** The twelve digits people tell ids by, with or without a digest's algorithm. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** A number with at most so many decimals and no needless zeros. */
export function decimal(value: number, most: number): string {
  return String(Number(value.toFixed(most)));
}

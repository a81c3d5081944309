import { deflateRawSync, inflateRawSync } from "node:zlib";

/** What is kept of each minute, in this order. */
export const minuteFields = [
  "samples",
  "cpuUsec",
  "cpuMaxMilli",
  "memoryMeanBytes",
  "memoryMaxBytes",
  "rxBytes",
  "txBytes",
  "readBytes",
  "writeBytes",
] as const;

/**
 * Packed as whole numbers of so much: 10 ms, 64 KiB of memory, 4 KiB of traffic. That is what a curve needs; the hour's
 * own columns have the exact sums.
 */
const units = [1, 10_000, 1, 65_536, 65_536, 4096, 4096, 4096, 4096] as const;

const width = minuteFields.length;
const minutesOfHour = 60;

/** A number of 64 bits takes 10 bytes at most. */
const scratch = Buffer.allocUnsafe(width * minutesOfHour * 10);

/** One hour of one container: for each minute its fields; a minute without samples is one that nobody measured. */
export type HourMinutes = Float64Array<ArrayBuffer>;

export const emptyHour = (): HourMinutes => new Float64Array(minutesOfHour * width);

export const minuteField = (hour: HourMinutes, minute: number, field: number): number =>
  hour[minute * width + field] ?? 0;

export function setMinute(hour: HourMinutes, minute: number, values: readonly number[]): void {
  hour.set(values, minute * width);
}

/**
 * An hour in few bytes: field by field the differences from minute to minute, as zigzag LEB128 numbers, deflated (RFC
 * 1951). An idle container's hour is some 40 bytes, a busy one's some 600.
 */
export function packHour(hour: HourMinutes): Buffer {
  const bytes = scratch;
  let at = 0;
  for (let field = 0; field < width; field++) {
    let before = 0;
    for (let minute = 0; minute < minutesOfHour; minute++) {
      const value = Math.round(minuteField(hour, minute, field) / (units[field] ?? 1));
      const difference = value - before;
      before = value;
      // Beyond 32 bits, which shifts would cut off: by arithmetic.
      let left = difference < 0 ? -difference * 2 - 1 : difference * 2;
      for (; left > 127; left = Math.floor(left / 128)) bytes[at++] = (left % 128) + 128;
      bytes[at++] = left;
    }
  }
  // A small window is all that some hundred bytes need, and spares a quarter of a megabyte each time.
  return deflateRawSync(bytes.subarray(0, at), { windowBits: 10, memLevel: 4, chunkSize: 1024 });
}

/** The hour of packed bytes; bytes that are no hour give what can be read, and nothing measured for the rest. */
export function unpackHour(packed: Uint8Array): HourMinutes {
  const hour = emptyHour();
  const bytes = inflateRawSync(packed, { maxOutputLength: hour.length * 10 });
  let at = 0;
  for (let field = 0; field < width; field++) {
    let before = 0;
    for (let minute = 0; minute < minutesOfHour && at < bytes.length; minute++) {
      let coded = 0;
      let scale = 1;
      let byte: number;
      do {
        byte = bytes[at++] ?? 0;
        coded += (byte % 128) * scale;
        scale *= 128;
      } while (byte > 127);
      before += coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
      hour[minute * width + field] = before * (units[field] ?? 1);
    }
  }
  return hour;
}

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { mostVarintBytes, unzigzag, VarintReader, writeVarint, zigzag } from "./varint.js";

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
 * Kept as whole numbers of so much: 10 ms, 64 KiB of memory, 4 KiB of traffic. That is what a curve needs; the hour's
 * own columns have the exact sums.
 */
const units = [1, 10_000, 1, 65_536, 65_536, 4096, 4096, 4096, 4096] as const;

const width = minuteFields.length;
const minutesOfHour = 60;

const scratch = Buffer.allocUnsafe(width * minutesOfHour * mostVarintBytes);

/**
 * One hour of one container: for each minute its fields, in their units. A minute without samples is one that nobody
 * measured. 32 bits hold 292 GB of traffic a second; what is more than that is told as that.
 */
export type HourMinutes = Uint32Array<ArrayBuffer>;

const most = 2 ** 32 - 1;

export const emptyHour = (): HourMinutes => new Uint32Array(minutesOfHour * width);

export const minuteField = (hour: HourMinutes, minute: number, field: number): number =>
  (hour[minute * width + field] ?? 0) * (units[field] ?? 1);

export function setMinute(hour: HourMinutes, minute: number, values: readonly number[]): void {
  for (let field = 0; field < width; field++) {
    hour[minute * width + field] = Math.min(Math.round((values[field] ?? 0) / (units[field] ?? 1)), most);
  }
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
      const value = hour[minute * width + field] ?? 0;
      at = writeVarint(bytes, at, zigzag(value - before));
      before = value;
    }
  }
  // A small window is all that some hundred bytes need, and spares a quarter of a megabyte each time.
  return deflateRawSync(bytes.subarray(0, at), { windowBits: 10, memLevel: 4, chunkSize: 1024 });
}

/** The hour of packed bytes; bytes that are no hour give what can be read, and nothing measured for the rest. */
export function unpackHour(packed: Uint8Array): HourMinutes {
  const hour = emptyHour();
  const bytes = inflateRawSync(packed, { maxOutputLength: hour.length * 10 });
  const reader = new VarintReader(bytes);
  for (let field = 0; field < width; field++) {
    let before = 0;
    for (let minute = 0; minute < minutesOfHour && reader.at < bytes.length; minute++) {
      before += unzigzag(reader.next());
      hour[minute * width + field] = before;
    }
  }
  return hour;
}

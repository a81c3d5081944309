import { readFileSync, statSync } from "node:fs";
import type { IoLimit } from "../api.js";
import { GranuleError } from "../errors.js";
import { errnoOf } from "./files.js";

/** `major:minor` of a whole disk, from that form or from a device path; io.max knows no partitions. */
export function blockDevice(device: string): string {
  let number = device;
  if (!/^\d+:\d+$/.test(device)) {
    let rdev: number;
    try {
      const status = statSync(device);
      if (!status.isBlockDevice()) throw new GranuleError("INVALID_ARGUMENT", `${device} is not a block device`);
      rdev = status.rdev;
    } catch (thrown) {
      if (thrown instanceof GranuleError) throw thrown;
      throw new GranuleError("INVALID_ARGUMENT", `no such block device: ${device}`, { path: device, cause: thrown });
    }
    // The encoding of dev_t in makedev(3), as far as the kernel's 12 + 20 bits go.
    number = `${Math.floor(rdev / 256) % 4096}:${(rdev % 256) + Math.floor(rdev / 1_048_576) * 256}`;
  }
  const sysfs = `/sys/dev/block/${number}`;
  try {
    readFileSync(`${sysfs}/dev`);
  } catch (thrown) {
    throw new GranuleError("INVALID_ARGUMENT", `no such block device: ${device}`, { path: sysfs, cause: thrown });
  }
  try {
    readFileSync(`${sysfs}/partition`);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return number;
    throw thrown;
  }
  throw new GranuleError("INVALID_ARGUMENT", `${device} is a partition; io limits hold for whole disks`, {
    hint: "name the disk it is on (`lsblk`)",
  });
}

/** One line of io.max (kernel: admin-guide/cgroup-v2.rst, "IO Interface Files"). A field that is not asked for keeps its limit. */
export function ioMaxLine(limit: IoLimit): string {
  const fields: [string, string, number | undefined][] = [
    ["rbps", "readBytesPerSecond", limit.readBytesPerSecond],
    ["wbps", "writeBytesPerSecond", limit.writeBytesPerSecond],
    ["riops", "readOperationsPerSecond", limit.readOperationsPerSecond],
    ["wiops", "writeOperationsPerSecond", limit.writeOperationsPerSecond],
  ];
  const words: string[] = [];
  for (const [key, name, value] of fields) {
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new GranuleError("INVALID_ARGUMENT", `io ${name} must be a whole number above 0, not ${value}`);
    }
    words.push(`${key}=${value}`);
  }
  if (words.length === 0) throw new GranuleError("INVALID_ARGUMENT", `io limit for ${limit.device} limits nothing`);
  return `${blockDevice(limit.device)} ${words.join(" ")}`;
}

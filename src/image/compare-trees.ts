import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import { native } from "../native.js";
import { hashFile } from "./copy-hashed.js";

/** Attributes that a layer can lose without a trace in its metadata. */
const XATTRS = ["security.capability", "trusted.overlay.opaque"];

/**
 * What differs between two unpacked layers, entry by entry: type, mode, owner, size, time, device, link target, hard links
 * and content. At most `most` differences are told.
 * @param since when `expected` was begun to be unpacked: folders that the layer does not name have the time of unpacking
 */
export async function compareTrees(
  expected: string,
  actual: string,
  most: number,
  since: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const found: string[] = [];
  const pending = [""];
  for (let path = pending.pop(); path !== undefined && found.length < most; path = pending.pop()) {
    signal?.throwIfAborted();
    const difference = await compareEntry(join(expected, path), join(actual, path), since);
    if (difference !== undefined) {
      found.push(`/${path} ${difference}`);
      continue;
    }
    if (!lstatSync(join(expected, path)).isDirectory()) continue;
    const names = new Set(readdirSync(join(expected, path)));
    const extra = readdirSync(join(actual, path)).filter((name) => !names.has(name));
    found.push(...extra.map((name) => `/${join(path, name)} is not in the image`));
    pending.push(...[...names].map((name) => join(path, name)));
  }
  return found.slice(0, most);
}

async function compareEntry(expected: string, actual: string, since: number): Promise<string | undefined> {
  const wanted = lstatSync(expected);
  const found = lstatSync(actual, { throwIfNoEntry: false });
  if (!found) return "is missing";
  const implied = wanted.isDirectory() && wanted.mtimeMs >= since;
  const field = FIELDS.find(([, read]) => read(wanted) !== read(found) && !(implied && read === mtime));
  if (field !== undefined) return `has another ${field[0]}`;
  for (const name of wanted.isSymbolicLink() ? [] : XATTRS) {
    const [one, other] = [expected, actual].map((path) => native().getXattr(path, name)?.toString("hex"));
    if (one !== other) return `has another ${name}`;
  }
  if (wanted.isSymbolicLink()) return readlinkSync(expected) === readlinkSync(actual) ? undefined : "links elsewhere";
  if (!wanted.isFile() || wanted.size === 0) return undefined;
  const [one, other] = await Promise.all([hashFile(expected), hashFile(actual)]);
  return one.digest === other.digest ? undefined : "has other content";
}

function mtime(stats: Stats): number {
  return stats.mtimeMs;
}

/** A directory's own size is the file system's business. */
const FIELDS: [name: string, read: (stats: Stats) => number | bigint][] = [
  ["type or mode", (stats) => stats.mode],
  ["owner", (stats) => stats.uid],
  ["group", (stats) => stats.gid],
  ["size", (stats) => (stats.isDirectory() ? 0 : stats.size)],
  ["time of change", mtime],
  ["device number", (stats) => (stats.isCharacterDevice() || stats.isBlockDevice() ? stats.rdev : 0)],
  ["number of links", (stats) => (stats.isDirectory() ? 0 : stats.nlink)],
];

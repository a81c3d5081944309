import { type BigIntStats, createReadStream, createWriteStream, lstatSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GranuleError } from "../errors.js";
import { native } from "../native.js";
import { type MergedDirectory, mergedChild, mergedNames } from "./merged.js";
import { endOfArchive, headerBlocks, padding, type TarEntry } from "./tar-writer.js";

/** Attributes that an archive of a root file system carries. */
const XATTRS = ["security.capability"];
const READ_BYTES = 1024 * 1024;

/**
 * Writes a root file system, as a container sees it, to a tar: layers merged as overlayfs does, without mounting them.
 * Sockets are left out, as tar has no form for them.
 * @param layers folders in overlayfs form, topmost first
 * @throws GranuleError RESOURCE_EXHAUSTED where the disk is full, CANCELLED; then no archive is left
 */
export async function exportTree(layers: readonly string[], path: string, signal?: AbortSignal): Promise<void> {
  const output = createWriteStream(path, { mode: 0o600 });
  try {
    await pipeline(Readable.from(blocksOf([...layers])), output, signal ? { signal } : {});
  } catch (thrown) {
    rmSync(path, { force: true });
    if (signal?.aborted) throw new GranuleError("CANCELLED", "the export was cancelled", { path, cause: thrown });
    const { code } = thrown as NodeJS.ErrnoException;
    throw GranuleError.from(thrown, code === "ENOSPC" || code === "EDQUOT" ? "RESOURCE_EXHAUSTED" : "INTERNAL");
  }
}

async function* blocksOf(root: MergedDirectory): AsyncGenerator<Buffer> {
  /** Paths of files with several links, by device and inode. */
  const linked = new Map<string, string>();
  const pending: { path: string; directory: MergedDirectory }[] = [{ path: "", directory: root }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { path, directory } = next;
    const [top = ""] = directory;
    refuseRedirect(top, path);
    if (path !== "") yield headerBlocks(entryOf(top, path, "Directory", lstatSync(top, { bigint: true })));
    const below: typeof pending = [];
    for (const name of mergedNames(directory)) {
      const found = mergedChild(directory, name);
      const childPath = path === "" ? name : `${path}/${name}`;
      if (found?.kind === "directory") below.push({ path: childPath, directory: found.layers });
      else if (found) yield* entryBlocks(found.path, childPath, linked);
    }
    // One by one: a folder may have more folders than a call takes arguments.
    for (const child of below.reverse()) pending.push(child);
  }
  yield endOfArchive;
}

async function* entryBlocks(source: string, path: string, linked: Map<string, string>): AsyncGenerator<Buffer> {
  const stats = lstatSync(source, { bigint: true, throwIfNoEntry: false });
  // A running container may have taken it away meanwhile.
  const type = stats && typeOf(stats);
  if (!stats || type === undefined) return;
  const key = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1n && type === "File" ? linked.get(key) : undefined;
  if (first !== undefined) {
    yield headerBlocks({ ...entryOf(source, path, "Link", stats), linkpath: first, xattrs: new Map() });
    return;
  }
  if (stats.nlink > 1n && type === "File") linked.set(key, path);
  const entry = entryOf(source, path, type, stats);
  yield headerBlocks(entry);
  if (entry.size > 0) yield* body(source, entry.size);
}

/** Exactly as many bytes as the header says, whatever a running container does to the file meanwhile. */
async function* body(source: string, size: number): AsyncGenerator<Buffer> {
  let left = size;
  for await (const chunk of createReadStream(source, { end: size - 1, highWaterMark: READ_BYTES })) {
    left -= (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  for (; left > 0; left -= Math.min(left, READ_BYTES)) yield Buffer.alloc(Math.min(left, READ_BYTES));
  yield padding(size);
}

function entryOf(source: string, path: string, type: TarEntry["type"], stats: BigIntStats): TarEntry {
  const xattrs = new Map<string, Buffer>();
  for (const name of type === "File" || type === "Directory" ? XATTRS : []) {
    const value = native().getXattr(source, name);
    if (value) xattrs.set(name, value);
  }
  return {
    type,
    path,
    mode: Number(stats.mode),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: type === "File" ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs,
    ...(type === "SymbolicLink" ? { linkpath: readlinkSync(source) } : {}),
    ...(type === "CharacterDevice" || type === "BlockDevice" ? { device: deviceOf(stats.rdev) } : {}),
    xattrs,
  };
}

function typeOf(stats: BigIntStats): TarEntry["type"] | undefined {
  if (stats.isFile()) return "File";
  if (stats.isSymbolicLink()) return "SymbolicLink";
  if (stats.isCharacterDevice()) return "CharacterDevice";
  if (stats.isBlockDevice()) return "BlockDevice";
  return stats.isFIFO() ? "FIFO" : undefined;
}

/** makedev(3) of Linux, taken apart. */
function deviceOf(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return { major: Number(major), minor: Number(minor & 0xffffffffn) };
}

/** A directory that overlayfs has moved names its old place instead of its content. */
function refuseRedirect(folder: string, path: string): void {
  if (folder === "" || native().getXattr(folder, "trusted.overlay.redirect") === undefined) return;
  throw new GranuleError("UNSUPPORTED", `/${path} was renamed by overlayfs itself, which an export cannot follow`, {
    path: join("/", path),
  });
}

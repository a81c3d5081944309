import { Header } from "tar";

/** An entry of a tar, without its body. */
export interface TarEntry {
  type: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice" | "BlockDevice" | "FIFO";
  /** Relative, without a slash at its end. */
  path: string;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the body that follows; 0 for all but files. */
  size: number;
  mtimeNs: bigint;
  /** Target of a symbolic link, or the path of the entry that a hard link is one with. */
  linkpath?: string;
  device?: { major: number; minor: number };
  /** Extended attributes by name. */
  xattrs: Map<string, Buffer>;
}

const BLOCK = 512;
const LARGEST_SIZE = 8 * 1024 ** 3;
const LARGEST_ID = 2 ** 21;
const LONGEST_NAME = 100;

/** The blocks that stand before an entry's body: a PAX header where ustar cannot say it all (POSIX pax, "pax Header Block"). */
export function headerBlocks(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  if (records.length === 0) return ustarBlock(entry);
  const body = Buffer.concat(records);
  const name = { ...entry, path: `PaxHeaders/${lastPart(entry.path)}`, size: body.length, mode: 0o644 };
  return Buffer.concat([ustarBlock(name, "ExtendedHeader"), body, padding(body.length), ustarBlock(entry)]);
}

/** Zero bytes from the end of a body to the end of its last block. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The two empty blocks that end a tar. */
export const endOfArchive: Buffer = Buffer.alloc(2 * BLOCK);

function ustarBlock(entry: TarEntry, type: TarEntry["type"] | "ExtendedHeader" = entry.type): Buffer {
  const block = Buffer.alloc(BLOCK);
  const isLink = entry.linkpath !== undefined && type !== "ExtendedHeader";
  const header = new Header({
    type,
    path: clip(entry.path) + (type === "Directory" ? "/" : ""),
    mode: entry.mode & 0o7777,
    uid: entry.uid < LARGEST_ID ? entry.uid : 0,
    gid: entry.gid < LARGEST_ID ? entry.gid : 0,
    size: entry.size < LARGEST_SIZE ? entry.size : 0,
    mtime: new Date(Number(entry.mtimeNs / 1_000_000_000n) * 1000),
    ...(isLink ? { linkpath: clip(entry.linkpath ?? "") } : {}),
    ...(entry.device ? { devmaj: entry.device.major, devmin: entry.device.minor } : {}),
  });
  header.encode(block, 0);
  return block;
}

function paxRecords(entry: TarEntry): Buffer[] {
  const records: Buffer[] = [];
  const add = (key: string, value: string | Buffer): void => void records.push(record(key, value));
  if (!fits(entry.path)) add("path", entry.path + (entry.type === "Directory" ? "/" : ""));
  if (entry.linkpath !== undefined && !fits(entry.linkpath)) add("linkpath", entry.linkpath);
  if (entry.size >= LARGEST_SIZE) add("size", String(entry.size));
  if (entry.uid >= LARGEST_ID) add("uid", String(entry.uid));
  if (entry.gid >= LARGEST_ID) add("gid", String(entry.gid));
  const fraction = entry.mtimeNs % 1_000_000_000n;
  if (fraction > 0n) add("mtime", `${entry.mtimeNs / 1_000_000_000n}.${String(fraction).padStart(9, "0")}`);
  for (const [name, value] of entry.xattrs) add(`SCHILY.xattr.${name}`, value);
  return records;
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) < LONGEST_NAME && /^[\x20-\x7e]*$/.test(path);
}

/** What a reader without PAX is shown. */
function clip(path: string): string {
  return fits(path)
    ? path
    : path
        .replace(/[^\x20-\x7e]/g, "_")
        .slice(-(LONGEST_NAME - 2))
        .replace(/^\/+/, "");
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

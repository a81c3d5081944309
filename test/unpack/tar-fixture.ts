import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** A header to write as it is told, right or wrong; unset fields are sane. */
export interface FixtureEntry {
  name: string;
  /** tar type flag; `0` unless told. */
  type?: string;
  link?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  /** Size in the header; the body's length unless told. */
  size?: number;
  body?: string | Uint8Array;
  major?: number;
  minor?: number;
  /** PAX records before the entry. */
  pax?: Record<string, string>;
  /** ustar prefix. */
  prefix?: string;
  magic?: "ustar" | "gnu" | "v7";
}

const BLOCK = 512;

/** The bytes of a tar of these entries, with the end-of-archive marker. */
export function tarOf(entries: readonly FixtureEntry[], options: { end?: boolean } = {}): Buffer {
  const parts = entries.flatMap((entry) => [
    ...(entry.pax ? [rawEntry({ name: "PaxHeader", type: "x", body: paxOf(entry.pax) })] : []),
    rawEntry(entry),
  ]);
  return Buffer.concat([...parts, ...(options.end === false ? [] : [Buffer.alloc(2 * BLOCK)])]);
}

export function writeTar(path: string, entries: readonly FixtureEntry[]): string {
  writeFileSync(path, tarOf(entries));
  return path;
}

export function writeGzipTar(path: string, entries: readonly FixtureEntry[]): string {
  writeFileSync(path, gzipSync(tarOf(entries)));
  return path;
}

/** A zstd frame of one stored block (RFC 8878, 3.1.1), for 256 to 65,791 bytes. */
export function zstdFrame(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8(0x60, 4);
  header.writeUInt16LE(bytes.length - 256, 5);
  header.writeUIntLE((bytes.length << 3) | 1, 7, 3);
  return Buffer.concat([header, bytes]);
}

/** The same, of a frame that asks for a window of 2^log bytes (RFC 8878, 3.1.1.1.2). */
export function zstdFrameOfWindow(bytes: Uint8Array, log: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8((log - 10) << 3, 5);
  header.writeUIntLE((bytes.length << 3) | 1, 6, 3);
  return Buffer.concat([header, bytes]);
}

/** `length key=value\n` records, the length counting itself. */
export function paxOf(records: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.from(` ${key}=${value}\n`, "latin1");
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length++;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function rawEntry(entry: FixtureEntry): Buffer {
  const body = Buffer.from(entry.body ?? "");
  const header = Buffer.alloc(BLOCK);
  header.write(entry.name, 0, 100, "latin1");
  octal(header, 100, 8, entry.mode ?? 0o644);
  octal(header, 108, 8, entry.uid ?? 0);
  octal(header, 116, 8, entry.gid ?? 0);
  octal(header, 124, 12, entry.size ?? body.length);
  octal(header, 136, 12, entry.mtime ?? 1_700_000_000);
  header.write(entry.type ?? "0", 156, 1, "latin1");
  header.write(entry.link ?? "", 157, 100, "latin1");
  if (entry.magic === "gnu") header.write("ustar  \0", 257, "latin1");
  else if (entry.magic !== "v7") header.write("ustar\x0000", 257, "latin1");
  if (entry.magic !== "v7") {
    octal(header, 329, 8, entry.major ?? 0);
    octal(header, 337, 8, entry.minor ?? 0);
  }
  if (entry.prefix !== undefined) header.write(entry.prefix, 345, 155, "latin1");
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}

function octal(header: Buffer, offset: number, size: number, value: number): void {
  header.write(`${value.toString(8).padStart(size - 1, "0")}\0`, offset, "latin1");
}

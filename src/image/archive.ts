import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readSync,
  statSync,
  type WriteStream,
} from "node:fs";
import { join, posix } from "node:path";
import { Parser, type ReadEntry } from "tar";
import { GranuleError } from "../errors.js";
import { corrupt, MAX_JSON_BYTES } from "./json.js";

/** The files of an image archive by their name in it, whether it is a folder or a tar. */
export interface Archive {
  /** Absolute host path of a regular file; undefined where the archive has none of that name. */
  file(name: string): string | undefined;
  /** A small file; undefined where there is none. */
  read(name: string): Buffer | undefined;
}

const REGULAR_TYPES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
const READ_BYTES = 1024 * 1024;
const MAX_ENTRIES = 16_384;
const MAX_ARCHIVE_BYTES = 256 * 1024 ** 3;

/**
 * Opens an OCI layout folder, or spreads a tar of one (or of `docker save`) over the scratch folder.
 * @throws GranuleError NOT_FOUND, or CORRUPT where the tar is broken
 */
export async function openArchive(path: string, scratch: string, signal?: AbortSignal): Promise<Archive> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new GranuleError("NOT_FOUND", `no such archive: ${path}`, { path, errno: "ENOENT" });
  if (stats.isDirectory()) return new ArchiveFiles((name) => join(path, name));
  if (!stats.isFile()) throw new GranuleError("INVALID_ARGUMENT", `${path} is no file or folder`, { path });
  const files = await spread(path, scratch, signal);
  return new ArchiveFiles((name) => files.get(name));
}

class ArchiveFiles implements Archive {
  readonly #locate: (name: string) => string | undefined;

  constructor(locate: (name: string) => string | undefined) {
    this.#locate = locate;
  }

  file(name: string): string | undefined {
    const path = this.#locate(cleanName(name));
    if (path === undefined) return undefined;
    const descriptor = openRegular(path);
    if (descriptor === undefined) return undefined;
    closeSync(descriptor);
    return path;
  }

  read(name: string): Buffer | undefined {
    const path = this.#locate(cleanName(name));
    const descriptor = path === undefined ? undefined : openRegular(path);
    if (descriptor === undefined) return undefined;
    try {
      const { size } = fstatSync(descriptor);
      if (size > MAX_JSON_BYTES) throw corrupt(`${name} is larger than 4 MiB`, name);
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0));
    } finally {
      closeSync(descriptor);
    }
  }
}

/** A symlink in a layout folder could name any file of the host: it is not followed. */
function openRegular(path: string): number | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== "ELOOP") throw GranuleError.from(thrown);
  }
  throw corrupt(`${path} is not a regular file`, path);
}

/** A relative name below the archive's root. */
function cleanName(name: string): string {
  const clean = posix.normalize(name).replace(/^\.\//, "").replace(/\/$/, "");
  if (clean.startsWith("/") || clean === ".." || clean.startsWith("../") || clean.includes("\0")) {
    throw corrupt(`the archive names ${JSON.stringify(name)}, which is outside it`);
  }
  return clean;
}

/** Writes every regular file of a tar to a numbered file; the names in the tar never become paths. */
async function spread(path: string, scratch: string, signal?: AbortSignal): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  let entries = 0;
  let bytes = 0;
  const take = (entry: ReadEntry): string | undefined => {
    entries += 1;
    bytes += entry.size;
    if (entries > MAX_ENTRIES) throw corrupt(`the archive has more than ${MAX_ENTRIES} entries`, path);
    if (bytes > MAX_ARCHIVE_BYTES) throw corrupt("the archive is larger than 256 GiB", path);
    const name = cleanName(entry.path);
    // `docker save` of old links a layer that it has written before.
    if (entry.type === "SymbolicLink") {
      links.set(name, cleanName(posix.join(posix.dirname(name), entry.linkpath ?? "")));
    }
    if (entry.type === "Link") links.set(name, cleanName(entry.linkpath ?? ""));
    if (!REGULAR_TYPES.has(entry.type)) return undefined;
    const target = join(scratch, String(entries));
    files.set(name, target);
    return target;
  };
  await spreadEntries(path, take, signal);
  for (const [name, target] of links) {
    const file = files.get(target);
    if (file !== undefined && !files.has(name)) files.set(name, file);
  }
  return files;
}

/**
 * Reads a tar to its end and writes the bodies for which `take` names a file. Settles once every file is closed, so
 * that nothing is written any more when the scratch folder goes.
 */
async function spreadEntries(
  path: string,
  take: (entry: ReadEntry) => string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const source = createReadStream(path, { highWaterMark: READ_BYTES, ...(signal ? { signal } : {}) });
  const sinks = new Set<WriteStream>();
  let failure: { reason: unknown } | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let ended = false;
      const fail = (reason: unknown): void => {
        failure ??= { reason };
        reject(failure.reason);
      };
      const settle = (): void => {
        if (ended && sinks.size === 0) resolve();
      };
      const onReadEntry = (entry: ReadEntry): void => {
        const target = failure ? undefined : attempt(() => take(entry), fail);
        if (target === undefined) {
          entry.resume();
          return;
        }
        const sink = createWriteStream(target, { flags: "wx", mode: 0o600 });
        sinks.add(sink);
        sink.on("error", fail);
        sink.on("close", () => {
          sinks.delete(sink);
          settle();
        });
        entry.on("error", fail);
        entry.pipe(sink);
      };
      const parser = new Parser({ strict: true, onReadEntry });
      parser.on("error", fail);
      parser.on("end", () => {
        ended = true;
        settle();
      });
      source.on("error", fail);
      source.pipe(parser);
    });
  } catch (thrown) {
    throw archiveError(thrown, path, signal);
  } finally {
    source.destroy();
    await Promise.all([...sinks].map((sink) => closed(sink)));
  }
}

function attempt<Result>(action: () => Result, fail: (reason: unknown) => void): Result | undefined {
  try {
    return action();
  } catch (thrown) {
    fail(thrown);
    return undefined;
  }
}

async function closed(sink: WriteStream): Promise<void> {
  await new Promise<void>((resolve) => {
    sink.on("close", () => resolve());
    sink.destroy();
  });
}

/** Tells a broken archive from a host that cannot read or write. */
function archiveError(thrown: unknown, path: string, signal?: AbortSignal): GranuleError {
  if (signal?.aborted) return new GranuleError("CANCELLED", "reading the archive was cancelled", { path });
  if (thrown instanceof GranuleError) return thrown;
  const { syscall, code } = thrown as NodeJS.ErrnoException;
  if (syscall === undefined) return corrupt(`${path} is not a whole tar archive`, path, thrown);
  return GranuleError.from(thrown, code === "ENOSPC" || code === "EDQUOT" ? "RESOURCE_EXHAUSTED" : "INTERNAL");
}

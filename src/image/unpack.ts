import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { LoadProgress } from "../api.js";
import { type ErrorCode, GranuleError } from "../errors.js";
import { type NativeFailure, native, type UnpackOptions, type UnpackResult } from "../native.js";
import type { GrowingBlob } from "./growing-blob.js";
import { corrupt } from "./json.js";

export type UnpackLimits = Pick<UnpackOptions, "maxEntries" | "maxBytes" | "maxRatio">;

/** Far above real layers, far below what would hurt a host by accident. */
export const DEFAULT_LIMITS: UnpackLimits = { maxEntries: 2_000_000, maxBytes: 64 * 1024 ** 3, maxRatio: 500 };

const PROGRESS_INTERVAL_MS = 200;

/** What tells the compression. */
const MAGIC_BYTES = 4;

/** Threads that fill files: what decompresses has a processor of its own, and more of them wait for the file system's locks. */
const fillingThreads = Math.max(1, Math.min(availableParallelism() - 1, 4));

/** Failures of the host and not of the archive. */
const HOST_ERRORS: Record<string, ErrorCode> = {
  ECANCELED: "CANCELLED",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EDQUOT: "RESOURCE_EXHAUSTED",
  ENOMEM: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  EPERM: "PERMISSION_DENIED",
  EACCES: "PERMISSION_DENIED",
  EROFS: "FAILED_PRECONDITION",
  EIO: "INTERNAL",
  ENOSYS: "UNSUPPORTED",
};

export interface UnpackTarOptions {
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
  /** The tar may lack its end marker; only where its diffID is checked. */
  endOptional?: boolean;
  /** The file's digest is known to be right, and needs no computing. */
  verified?: boolean;
}

/** Failures that are no system call's and yet no damage of the archive. */
const STEP_CODES: Record<string, ErrorCode> = {
  limit: "RESOURCE_EXHAUSTED",
  // To follow it, the file would have to be copied up, and a layer that images share would depend on what lies below.
  "lower-link": "UNSUPPORTED",
  window: "UNSUPPORTED",
};

const HINTS: Record<string, string> = {
  "lower-link": "layers hold no hard links to layers below them; squash the image, or build it with another tool",
  window: "compress the layer with `zstd --long=26`, or without --long and --ultra",
};

/**
 * Unpacks one layer tar into an empty folder, with progress and cancellation.
 * @param source file, or a blob that is being fetched
 * @param label what progress and errors call the layer
 * @throws GranuleError CORRUPT for a bad archive and RESOURCE_EXHAUSTED for one beyond a limit, naming layer and entry;
 *   CANCELLED once the signal aborts
 */
export async function unpackTar(
  source: string | GrowingBlob,
  target: string,
  limits: UnpackLimits,
  options: UnpackTarOptions,
  label: string,
): Promise<UnpackResult> {
  const growing = typeof source === "string" ? undefined : source;
  await growing?.begun(MAGIC_BYTES, options.signal ?? new AbortController().signal);
  const control = new BigInt64Array(new SharedArrayBuffer(16));
  const cancel = () => {
    Atomics.store(control, 0, 1n);
    growing?.native.wake();
  };
  if (options.signal?.aborted) cancel();
  options.signal?.addEventListener("abort", cancel, { once: true });
  const report = () => {
    // Until then it is the download that people wait for.
    if (growing?.whole === false) return;
    options.onProgress?.({ stage: "unpack", layer: label, doneBytes: Number(Atomics.load(control, 1)), totalBytes });
  };
  // From here to the call nothing is waited for: a file that grows changes its name at its end.
  const path = typeof source === "string" ? source : source.path;
  const probed = probe(path);
  const totalBytes = growing?.size ?? probed.totalBytes;
  const timer = options.onProgress ? setInterval(report, PROGRESS_INTERVAL_MS) : undefined;
  try {
    const result = await native().unpackLayer({
      source: path,
      ...(growing ? { growth: growing.native } : {}),
      target,
      compression: probed.compression,
      ...limits,
      endOptional: options.endOptional === true,
      hashSource: options.verified !== true,
      threads: fillingThreads,
      control,
    });
    report();
    return result;
  } catch (thrown) {
    throw toGranuleError(thrown, label);
  } finally {
    clearInterval(timer);
    options.signal?.removeEventListener("abort", cancel);
  }
}

/** The compression by the file's first bytes; media types of real images are not reliable. */
function probe(source: string): { compression: UnpackOptions["compression"]; totalBytes: number } {
  const descriptor = openSource(source);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw corrupt("a layer is not a regular file", source);
    const magic = Buffer.alloc(MAGIC_BYTES);
    readSync(descriptor, magic, 0, MAGIC_BYTES, 0);
    return { compression: compressionOf(magic), totalBytes: stats.size };
  } finally {
    closeSync(descriptor);
  }
}

function openSource(source: string): number {
  try {
    return openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new GranuleError("NOT_FOUND", `no such archive: ${source}`, { path: source, errno: code });
    if (code === "ELOOP") throw corrupt(`${source} is not a regular file`, source);
    throw GranuleError.from(thrown);
  }
}

function compressionOf(magic: Buffer): UnpackOptions["compression"] {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return "gzip";
  const word = magic.readUInt32LE(0);
  // A zstd stream may begin with a skippable frame (RFC 8878, 3.1.2).
  if (word === 0xfd2fb528 || (word & 0xfffffff0) >>> 0 === 0x184d2a50) return "zstd";
  return "none";
}

function toGranuleError(thrown: unknown, label: string): GranuleError {
  if (!(thrown instanceof Error)) return GranuleError.from(thrown);
  const { step, errno, path } = thrown as Error & Partial<NativeFailure>;
  if (step === undefined) return GranuleError.from(thrown);
  const code = HOST_ERRORS[errno ?? ""] ?? STEP_CODES[step] ?? "CORRUPT";
  const message = code === "CANCELLED" ? "unpacking was cancelled" : `cannot unpack layer ${label}: ${thrown.message}`;
  return new GranuleError(code, message, {
    syscall: step,
    cause: thrown,
    ...(errno ? { errno } : {}),
    ...(path ? { path } : {}),
    ...(HINTS[step] !== undefined ? { hint: HINTS[step] } : {}),
    ...(code === "CORRUPT" ? { hint: "save or download the image again" } : {}),
  });
}

import { createHash } from "node:crypto";
import { close, constants, fstatSync, open, read, write } from "node:fs";
import { promisify } from "node:util";
import { GranuleError } from "../errors.js";

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeFile = promisify(write);

const CHUNK_BYTES = 1024 * 1024;

/** The digest and size of a file, read without following a symlink. */
export async function hashFile(source: string, signal?: AbortSignal): Promise<{ digest: string; size: number }> {
  return pump(source, async () => undefined, signal);
}

/**
 * Copies a file to a new one and gives the digest of what was copied.
 * @throws GranuleError RESOURCE_EXHAUSTED where the disk is full, NOT_FOUND, CANCELLED
 */
export async function copyHashed(
  source: string,
  target: string,
  signal?: AbortSignal,
): Promise<{ digest: string; size: number }> {
  const output = await openFile(target, "wx", 0o600).catch(told);
  try {
    return await pump(
      source,
      async (chunk) => {
        for (let done = 0; done < chunk.length; ) {
          const { bytesWritten } = await writeFile(output, chunk, done, chunk.length - done, null).catch(told);
          done += bytesWritten;
        }
      },
      signal,
    );
  } finally {
    await closeFile(output);
  }
}

async function pump(
  source: string,
  take: (chunk: Buffer) => Promise<void>,
  signal?: AbortSignal,
): Promise<{ digest: string; size: number }> {
  const input = await openFile(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(told);
  try {
    if (!fstatSync(input).isFile())
      throw new GranuleError("CORRUPT", `${source} is not a regular file`, { path: source });
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let size = 0;
    for (;;) {
      if (signal?.aborted) throw new GranuleError("CANCELLED", "reading the archive was cancelled", { path: source });
      const { bytesRead } = await readFile(input, buffer, 0, CHUNK_BYTES, null).catch(told);
      if (bytesRead === 0) return { digest: `sha256:${hash.digest("hex")}`, size };
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      size += bytesRead;
      await take(chunk);
    }
  } finally {
    await closeFile(input);
  }
}

/** Tells a full disk and a missing file from what should not happen. */
function told(thrown: unknown): never {
  const { code, path } = thrown as NodeJS.ErrnoException;
  if (code === "ENOENT") {
    throw new GranuleError("NOT_FOUND", `no such archive: ${path ?? ""}`, { errno: code, cause: thrown });
  }
  throw GranuleError.from(thrown, code === "ENOSPC" || code === "EDQUOT" ? "RESOURCE_EXHAUSTED" : "INTERNAL");
}

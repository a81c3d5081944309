import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { invalid } from "./parse/invalid.js";

export interface Archive extends AsyncDisposable {
  path: string;
}

/** The absolute path of an archive. What comes on stdin is put in a file of its own until it is disposed of. */
export async function archivePath(file: string | undefined): Promise<Archive> {
  if (file !== undefined && file !== "-") return { path: resolve(file), [Symbol.asyncDispose]: async () => undefined };
  if (process.stdin.isTTY) throw invalid("no archive was given", "name a file, or pipe the archive to stdin");
  const folder = await mkdtemp(join(tmpdir(), "granule-archive-"));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, "stdin");
  try {
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }));
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return { path, [Symbol.asyncDispose]: dispose };
}

import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeOut } from "./output.js";
import { invalid } from "./parse/invalid.js";

/** Refuses to write an archive to a terminal, before anything is done. */
export function requireOutput(output: string | undefined): void {
  if (output === undefined && process.stdout.isTTY) {
    throw invalid("an archive is nothing to look at", "name a file with -o, or pipe it to another program");
  }
}

/** Has an archive written to a file; one that is to go to stdout goes through a file of its own. */
export async function writeArchive(output: string | undefined, write: (path: string) => Promise<void>): Promise<void> {
  if (output !== undefined && output !== "-") return write(resolve(output));
  const folder = await mkdtemp(join(tmpdir(), "granule-archive-"));
  try {
    const path = join(folder, "archive.tar");
    await write(path);
    for await (const chunk of createReadStream(path)) await writeOut(process.stdout, chunk as Buffer);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

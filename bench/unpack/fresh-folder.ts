import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const run = (command: string, ...args: string[]): void =>
  void execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });

/**
 * Gives a folder on an ext4 of its own, in a file below `parent`, and takes both away after. On a used file system the
 * next run would pay for what the one before deleted or has not yet written. Only in a private mount namespace.
 */
export async function inFreshFolder<Result>(parent: string, act: (folder: string) => Promise<Result>): Promise<Result> {
  const home = mkdtempSync(join(parent, "fresh-"));
  const disk = join(home, "disk");
  const folder = join(home, "folder");
  mkdirSync(folder);
  writeFileSync(disk, "");
  truncateSync(disk, 6 * 1024 ** 3);
  try {
    run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", "-N", "400000", disk);
    run("mount", "-o", "loop", disk, folder);
    try {
      return await act(folder);
    } finally {
      run("umount", "-R", folder);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

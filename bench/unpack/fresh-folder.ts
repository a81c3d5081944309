import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

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
      await unmount(folder);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a peer started for itself may take a moment to let go of the file system after the peer's end. */
async function unmount(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { status, stderr } = spawnSync("umount", ["-R", folder], { encoding: "utf8" });
    if (status === 0) return;
    if (attempt === 50) throw new Error(stderr.trim());
    await pause(100);
  }
}

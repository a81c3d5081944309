import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { native } from "../native.js";

/** A directory of the merged tree: the layer directories that make it up, topmost first. */
export type MergedDirectory = string[];

export type Found = { kind: "directory"; layers: MergedDirectory } | { kind: "other"; path: string; stats: Stats };

/** Looks one name up as overlayfs does: directories merge downwards until something hides what is below. */
export function mergedChild(parents: MergedDirectory, name: string): Found | undefined {
  const merged: MergedDirectory = [];
  for (const parent of parents) {
    const path = join(parent, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) continue;
    if (!stats.isDirectory()) {
      if (merged.length > 0 || isWhiteout(stats)) break;
      return { kind: "other", path, stats };
    }
    merged.push(path);
    if (isOpaque(path)) break;
  }
  return merged.length > 0 ? { kind: "directory", layers: merged } : undefined;
}

/** Names that a merged directory shows, sorted. */
export function mergedNames(directory: MergedDirectory): string[] {
  const names = new Set(directory.flatMap((path) => readdirSync(path)));
  return [...names].filter((name) => mergedChild(directory, name) !== undefined).sort();
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** Whether a directory of a layer hides the same directory of the layers below it. */
export function isOpaque(path: string): boolean {
  return native().getXattr(path, "trusted.overlay.opaque")?.toString("latin1") === "y";
}

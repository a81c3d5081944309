import type { CreateOptions } from "../api.js";

/** The folders whose mounts are the same in every container, so that they can be made before one is asked for. */
export const stagedFolders: readonly string[] = ["/proc", "/dev", "/sys"];

/**
 * Whether a container takes everything below the staged folders as it is: with a network namespace of its own, whose
 * /sys it sees, and without mounts of the caller's there.
 */
export function usesStaged(options: CreateOptions): boolean {
  if (options.network === "host") return false;
  return (options.mounts ?? []).every(({ target }) => stagedFolders.every((folder) => !overlaps(target, folder)));
}

/** One is the other, or lies below it. Paths that are not of the plainest spelling count as overlapping. */
function overlaps(target: string, folder: string): boolean {
  if (target === "/" || target.includes("/.") || target.includes("//")) return true;
  return target === folder || target.startsWith(`${folder}/`) || folder.startsWith(`${target}/`);
}

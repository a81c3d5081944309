import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { GranuleError } from "../errors.js";
import { type Found, type MergedDirectory, mergedChild } from "./merged.js";

const MAX_SYMLINKS = 40;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads a small file of an image as a container would see it, without mounting: topmost layer first, whiteouts and
 * opaque directories honoured, symlinks resolved inside the image's root.
 * @param layers absolute folders in overlayfs form, topmost first
 * @param path absolute path in the image
 * @returns undefined where there is no such file
 * @throws GranuleError FAILED_PRECONDITION where it is no regular file, has too many symlinks or more than 1 MiB
 */
export function readImageFile(layers: readonly string[], path: string): Buffer | undefined {
  const found = lookup([...layers], path);
  if (!found) return undefined;
  if (found.kind === "directory" || !found.stats.isFile()) throw refused(path, "is not a regular file");
  return readSmall(found.path, path);
}

function lookup(root: MergedDirectory, path: string): Found | undefined {
  const pending = path.split("/").reverse();
  let trail: MergedDirectory[] = [root];
  let symlinks = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const found = mergedChild(trail[trail.length - 1] ?? root, name);
    if (!found) return undefined;
    if (found.kind === "directory") {
      trail.push(found.layers);
      continue;
    }
    if (!found.stats.isSymbolicLink()) return pending.every((rest) => rest === "") ? found : undefined;
    if (++symlinks > MAX_SYMLINKS) throw refused(path, "leads through too many symlinks");
    const target = readlinkSync(found.path);
    if (target.startsWith("/")) trail = [root];
    pending.push(...target.split("/").reverse());
  }
  return { kind: "directory", layers: trail[trail.length - 1] ?? root };
}

function readSmall(hostPath: string, path: string): Buffer {
  const descriptor = openSync(hostPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(descriptor);
    if (size > MAX_FILE_BYTES) throw refused(path, "is larger than 1 MiB");
    const buffer = Buffer.alloc(size);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, size, 0));
  } finally {
    closeSync(descriptor);
  }
}

function refused(path: string, why: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", `${path} of the image ${why}`, {
    path,
    hint: "give numeric ids instead of names",
  });
}

import { createWriteStream, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { create } from "tar";
import { GranuleError } from "../errors.js";
import type { BlobStore } from "./blobs.js";
import { blobsOf } from "./installer.js";
import { type Manifest, parseManifest } from "./manifest.js";
import { OCI_INDEX } from "./media-types.js";
import type { ImageRow } from "./records.js";
import { shortReference } from "./reference.js";

/** An image to be saved, and the full names by tag that it is to have in the archive. */
export interface SavedImage {
  row: ImageRow;
  names: string[];
}

/**
 * Writes images to a tar that is an OCI layout and a `docker save` archive at once (image-spec image-layout.md; docker's
 * manifest.json). The blobs are the ones that came in, byte for byte.
 * @param scratch an empty folder on the file system of the blobs
 * @throws GranuleError FAILED_PRECONDITION where an image has no blobs, CANCELLED
 */
export async function saveImages(
  images: readonly SavedImage[],
  path: string,
  blobs: BlobStore,
  scratch: string,
  signal?: AbortSignal,
): Promise<void> {
  const folder = join(scratch, "blobs/sha256");
  mkdirSync(folder, { recursive: true });
  const linked = new Set<string>();
  const entries = images.map(({ row, names }) => {
    const { manifest, bytes } = readManifest(row, blobs);
    const needed = [row.manifest ?? "", manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)];
    for (const digest of needed) {
      if (linked.has(digest)) continue;
      linked.add(digest);
      if (!blobs.has(digest)) throw lacking(row, `its blob ${digest} is missing`);
      linkSync(blobs.path(digest), join(folder, digest.slice("sha256:".length)));
    }
    return { names, manifest, descriptor: { mediaType: manifest.mediaType, digest: row.manifest, size: bytes.length } };
  });
  const write = (name: string, document: unknown): void => writeFileSync(join(scratch, name), JSON.stringify(document));
  write("oci-layout", { imageLayoutVersion: "1.0.0" });
  write("index.json", {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: entries.flatMap(({ names, descriptor }) =>
      names.length === 0 ? [descriptor] : names.map((name) => ({ ...descriptor, annotations: annotationsOf(name) })),
    ),
  });
  write(
    "manifest.json",
    entries.map(({ names, manifest }) => ({
      Config: blobName(manifest.config.digest),
      RepoTags: names.length === 0 ? null : names.map(shortReference),
      Layers: manifest.layers.map(({ digest }) => blobName(digest)),
    })),
  );
  await pack(scratch, path, signal);
}

function readManifest(row: ImageRow, blobs: BlobStore): { manifest: Manifest; bytes: Buffer } {
  const bytes = row.manifest === null ? undefined : blobs.read(row.manifest);
  if (bytes === undefined)
    throw lacking(
      row,
      blobsOf(row).length === 0 ? "an older granule kept no blobs" : "its manifest is missing or damaged",
    );
  const manifest = parseManifest(bytes);
  if (manifest.kind !== "manifest") throw lacking(row, "its manifest is damaged");
  return { manifest, bytes };
}

function lacking(row: ImageRow, why: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", `image ${row.id} cannot be saved: ${why}`, {
    hint: "pull or load it again",
  });
}

function annotationsOf(name: string): Record<string, string> {
  return {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Blobs first come last: a reader that streams has read what tells their use by then. */
async function pack(folder: string, path: string, signal?: AbortSignal): Promise<void> {
  const names = ["oci-layout", "index.json", "manifest.json", "blobs"];
  const archive = create({ cwd: folder, portable: true, mtime: new Date(0) }, names);
  try {
    await pipeline(archive as unknown as NodeJS.ReadableStream, createWriteStream(path, { mode: 0o644 }), {
      ...(signal ? { signal } : {}),
    });
  } catch (thrown) {
    await rm(path, { force: true });
    if (signal?.aborted) throw new GranuleError("CANCELLED", "saving was cancelled", { path, cause: thrown });
    const { code } = thrown as NodeJS.ErrnoException;
    throw GranuleError.from(thrown, code === "ENOSPC" || code === "EDQUOT" ? "RESOURCE_EXHAUSTED" : "INTERNAL");
  }
}

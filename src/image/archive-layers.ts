import { closeSync, openSync, readSync } from "node:fs";
import type { BlobStore } from "./blobs.js";
import type { ImageInstall } from "./installer.js";
import type { ManifestLayer } from "./make-manifest.js";
import type { Hold } from "./pins.js";
import { formatReference, parseReference } from "./reference.js";
import { type ImageSource, sha256 } from "./source.js";

/** An image of an archive as the installer takes it: its layers are copied into the store as they are. */
export function installOfArchive(source: ImageSource, blobs: BlobStore): ImageInstall {
  return {
    names: [...source.names, ...byDigest(source)],
    id: source.id,
    config: source.config,
    configBytes: source.configBytes,
    manifestBytes: source.manifestBytes,
    kept: [],
    layers: source.layers.map((layer, index) => ({
      diffId: source.config.diffIds[index] ?? "",
      label: source.config.diffIds[index] ?? "",
      totalBytes: layer.size,
      provide: (hold, signal) => adoptLayer(blobs, layer, hold, signal),
    })),
  };
}

/** An archive that has the manifest is known by its digest in every repository that it names, as after a pull. */
function byDigest({ names, manifestBytes }: ImageSource): string[] {
  if (manifestBytes === undefined) return [];
  const digest = sha256(manifestBytes);
  const repositories = names.map((name) => parseReference(name)).map(({ domain, path }) => ({ domain, path, digest }));
  return [...new Set(repositories.map(formatReference))];
}

/** Brings a layer's file into the store, unless its blob is there. */
export async function adoptLayer(
  blobs: BlobStore,
  { path, digest, size }: { path: string; digest?: string; size?: number },
  hold: Hold,
  signal?: AbortSignal,
): Promise<ManifestLayer> {
  if (digest !== undefined) hold.add(digest);
  const present = digest !== undefined && size !== undefined && blobs.has(digest, size);
  const blob = present ? { digest, size } : await blobs.adopt(path, { digest, size }, hold, signal);
  return { ...blob, compression: compressionOf(blobs.path(blob.digest)) };
}

/** By the first bytes, as the unpacker does. */
function compressionOf(path: string): ManifestLayer["compression"] {
  const descriptor = openSync(path, "r");
  try {
    const magic = Buffer.alloc(4);
    readSync(descriptor, magic, 0, 4, 0);
    if (magic[0] === 0x1f && magic[1] === 0x8b) return "gzip";
    const word = magic.readUInt32LE(0);
    return word === 0xfd2fb528 || (word & 0xfffffff0) >>> 0 === 0x184d2a50 ? "zstd" : "none";
  } finally {
    closeSync(descriptor);
  }
}

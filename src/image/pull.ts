import { statfsSync } from "node:fs";
import type { ImagePullOptions } from "../api.js";
import { GranuleError } from "../errors.js";
import type { BlobProgress, BlobStore } from "./blobs.js";
import type { Installer } from "./installer.js";
import type { Hold } from "./pins.js";
import { hostPlatform, parsePlatform } from "./platform.js";
import type { ImageRow } from "./records.js";
import { formatReference, parseReference } from "./reference.js";
import type { RegistryImage } from "./registry/registry-image.js";
import type { RegistrySettings } from "./registry/settings.js";

/** What a pull stands on. */
export interface PullPlace {
  blobs: BlobStore;
  installer: Installer;
  settings: RegistrySettings;
  /** A folder on the file system that blobs and layers lie on. */
  folder: string;
}

/**
 * Pulls one image: documents, then blobs several at once, each unpacked while it comes.
 * @throws GranuleError NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE, UNSUPPORTED, CORRUPT, RESOURCE_EXHAUSTED,
 * CANCELLED. After any of them a further pull goes on from where this one was.
 */
export async function pullImage(
  text: string,
  options: ImagePullOptions,
  place: PullPlace,
  hold: Hold,
): Promise<ImageRow> {
  const reference = parseReference(text);
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const signal = options.signal ?? new AbortController().signal;
  const { onProgress } = options;
  onProgress?.({ stage: "resolve" });
  // What a pull alone needs is loaded by the first one: a runtime starts faster without.
  const { Puller } = await import("./registry/puller.js");
  await using puller = new Puller(place.settings, place.blobs);
  const target = { reference, platform, credentials: options.credentials, insecure: options.insecure ?? false };
  const image = await puller.find(target, hold, signal);
  const { manifest } = image;
  onProgress?.({
    stage: "found",
    digest: image.digests[0] ?? "",
    layers: manifest.layers.map(({ digest, size }) => ({ layer: digest, totalBytes: size })),
  });
  refuseFullDisk(image, place);
  const install = {
    names: namesOf(text, image.digests),
    id: image.id,
    config: image.config,
    configBytes: image.configBytes,
    manifestBytes: image.manifestBytes,
    kept: image.digests,
    layers: manifest.layers.map((layer, index) => ({
      diffId: image.config.diffIds[index] ?? "",
      label: layer.digest,
      totalBytes: layer.size,
      provide: async (layerHold: Hold, layerSignal: AbortSignal, onBytes: BlobProgress) => {
        layerHold.add(layer.digest);
        await puller.fetch(layer, layerSignal, onBytes);
        return { digest: layer.digest, size: layer.size, compression: "none" as const };
      },
    })),
  };
  const [row] = await place.installer.install([install], hold, { onProgress, signal }, place.settings.parallelBlobs);
  if (row === undefined) throw new GranuleError("INTERNAL", "the pull made no image");
  onProgress?.({ stage: "done" });
  return row;
}

/** A tag that was asked for, and the digests by which the repository knows the image. */
function namesOf(text: string, digests: readonly string[]): string[] {
  const { domain, path, tag, digest } = parseReference(text);
  const byDigest = digests.map((one) => formatReference({ domain, path, digest: one }));
  return digest === undefined && tag !== undefined ? [formatReference({ domain, path, tag }), ...byDigest] : byDigest;
}

/** Told before anything is fetched that could not be kept. How large it is unpacked, nobody knows yet. */
function refuseFullDisk({ manifest }: RegistryImage, { blobs, folder }: PullPlace): void {
  const missing = manifest.layers.filter(({ digest, size }) => !blobs.has(digest, size));
  const neededBytes = missing.reduce((sum, { size }) => sum + size, 0) - blobs.partialBytes(missing);
  const { bavail, bsize } = statfsSync(folder);
  if (neededBytes <= bavail * bsize) return;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new GranuleError(
    "RESOURCE_EXHAUSTED",
    `the disk is too full: the layers to download have ${mebibytes(neededBytes)}, and ${mebibytes(bavail * bsize)} are free`,
    { errno: "ENOSPC", path: folder, hint: "`granule prune --images` removes images that nothing uses" },
  );
}

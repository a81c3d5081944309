import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "./media-types.js";

/** A layer's blob as a manifest names it. */
export interface ManifestLayer {
  digest: string;
  size: number;
  compression: "none" | "gzip" | "zstd";
}

const SUFFIXES: Record<ManifestLayer["compression"], string> = { none: "", gzip: "+gzip", zstd: "+zstd" };

/** The OCI manifest of an image that came without one, the same bytes for the same image. */
export function makeManifest(config: { digest: string; size: number }, layers: readonly ManifestLayer[]): Uint8Array {
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size, compression }) => ({
      mediaType: OCI_LAYER + SUFFIXES[compression],
      digest,
      size,
    })),
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

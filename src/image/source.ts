import { createHash } from "node:crypto";
import type { ParsedConfig } from "./config.js";
import type { LayerSource } from "./layers.js";

/** One image found in an archive, checked as far as can be without unpacking its layers. */
export interface ImageSource {
  /** Normalised names; none where the archive gives none. */
  names: string[];
  /** Digest of the configuration, which is the image's id. */
  id: string;
  configBytes: Uint8Array;
  config: ParsedConfig;
  /** Lowest layer first, in the order of `config.diffIds`. */
  layers: LayerSource[];
  /** The image manifest as it came; absent where the archive has none. */
  manifestBytes?: Uint8Array;
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

import type { ImagePruneResult } from "../api.js";
import { humanSize } from "./format/human.js";

/** What a prune of images says: a line an image, and what it was good for. */
export function prunedLines({ images, names, freedBytes }: ImagePruneResult): string[] {
  return [
    ...names.map((name) => `untagged ${name}`),
    ...images.map((id) => `deleted ${id}`),
    `${humanSize(freedBytes)} freed`,
  ];
}

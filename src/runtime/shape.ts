import type { CreateOptions } from "../api.js";

/** What is written down of a container, and no process sees; `image` stands for the image's id. */
const unseen: ReadonlySet<string> = new Set<keyof CreateOptions>([
  "name",
  "tags",
  "restart",
  "autoRemove",
  "stopSignal",
  "stopTimeoutSeconds",
  "budget",
  "image",
]);

/** Equal for options that give equal containers of one image, but for their ids. */
export function shapeOf(options: CreateOptions): string {
  const seen = Object.entries(options).filter(([name]) => !unseen.has(name));
  return JSON.stringify(seen.sort(([a], [b]) => (a < b ? -1 : 1)));
}

import type { LoadProgress } from "../../api.js";
import { humanSize, shortId } from "../format/human.js";
import type { ProgressView } from "./progress-view.js";

/** A line for each thing that has happened, for logs and pipes. */
export class PlainProgress implements ProgressView {
  readonly #print: (line: string) => void;
  readonly #told = new Set<string>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  show(progress: LoadProgress): void {
    const line = lineOf(progress);
    if (line === undefined || this.#told.has(line)) return;
    this.#told.add(line);
    this.#print(line);
  }

  finish(): void {}

  clear(): void {}
}

function lineOf({ stage, layer, totalBytes, digest }: LoadProgress): string | undefined {
  const size = totalBytes === undefined ? "" : ` (${humanSize(totalBytes)})`;
  const name = layer === undefined ? "" : shortId(layer);
  if (stage === "found") return `found ${digest ?? ""}`;
  if (stage === "download") return `${name}: downloading${size}`;
  if (stage === "unpack") return `${name}: unpacking${size}`;
  if (stage === "ready") return `${name}: ready`;
  return undefined;
}

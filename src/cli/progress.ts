import type { LoadProgress } from "../api.js";
import { humanSize, shortId } from "./format/human.js";

const redrawMilliseconds = 100;

/** One line on stderr that says how far a load is; nothing where stderr is no terminal. */
export class LoadProgressLine implements Disposable {
  readonly #silent: boolean;
  #drawnAt = 0;
  #drawn = false;

  constructor(quiet: boolean) {
    this.#silent = quiet || !process.stderr.isTTY;
  }

  show(progress: LoadProgress): void {
    if (this.#silent || Date.now() - this.#drawnAt < redrawMilliseconds) return;
    this.#drawnAt = Date.now();
    this.#drawn = true;
    process.stderr.write(`\r\u001b[K${progressText(progress)}`);
  }

  clear(): void {
    if (this.#drawn) process.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

function progressText({ stage, layer, doneBytes, totalBytes }: LoadProgress): string {
  const name = layer === undefined ? "" : ` layer ${shortId(layer)}`;
  if (doneBytes === undefined) return `${stage}${name}`;
  const share = totalBytes ? ` (${Math.floor((100 * doneBytes) / totalBytes)} %)` : "";
  return `${stage}${name}: ${humanSize(doneBytes)}${share}`;
}

import type { LoadProgress } from "../../api.js";
import { PlainProgress } from "./plain-progress.js";
import { ScreenProgress } from "./screen-progress.js";

/** What shows the stages of a pull, load or check. */
export interface ProgressView {
  show(progress: LoadProgress): void;
  /** Leaves the last state as it is. */
  finish(): void;
  /** Takes everything away that can be. */
  clear(): void;
}

/** On stderr: a bar a layer on a terminal, plain lines elsewhere, nothing where it is to be quiet. */
export class ImageProgress implements ProgressView, Disposable {
  readonly #view: ProgressView | undefined;

  constructor(quiet: boolean) {
    if (quiet) return;
    const screen = process.stderr.isTTY && process.env["TERM"] !== "dumb";
    this.#view = screen
      ? new ScreenProgress(process.stderr)
      : new PlainProgress((line) => process.stderr.write(`${line}\n`));
  }

  show(progress: LoadProgress): void {
    this.#view?.show(progress);
  }

  finish(): void {
    this.#view?.finish();
  }

  clear(): void {
    this.#view?.clear();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

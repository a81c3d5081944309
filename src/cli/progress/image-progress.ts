import type { LoadProgress } from "../../api.js";
import { PlainProgress } from "./plain-progress.js";
import type { ProgressView } from "./progress-view.js";
import { ScreenProgress } from "./screen-progress.js";

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

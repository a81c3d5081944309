import type { LoadProgress } from "../../api.js";

/** What shows the stages of a pull, load or check. */
export interface ProgressView {
  show(progress: LoadProgress): void;
  /** Leaves the last state as it is. */
  finish(): void;
  /** Takes everything away that can be. */
  clear(): void;
}

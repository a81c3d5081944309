import type { LoadProgress } from "../../api.js";
import { painter } from "../format/colour.js";
import { humanSize } from "../format/human.js";
import { layerLine } from "./bar.js";
import { LayerState } from "./layer-state.js";
import type { ProgressView } from "./progress-view.js";

const REDRAW_MS = 100;
const CLEAR_BELOW = "\u001b[J";
const up = (lines: number): string => (lines === 0 ? "\r" : `\u001b[${lines}A\r`);

/** A bar a layer, redrawn in place where the cursor is. */
export class ScreenProgress implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  readonly #layers = new Map<string, LayerState>();
  #note = "";
  #drawn = 0;
  #drawnAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(progress: LoadProgress): void {
    const { stage, layer } = progress;
    const now = performance.now();
    this.#note = { read: "reading the archive", resolve: "asking the registry" }[stage as string] ?? "";
    for (const one of progress.layers ?? []) this.#state(one.layer, one.totalBytes);
    if (layer !== undefined) this.#state(layer).update(progress, now);
    const waitMs = REDRAW_MS - (now - this.#drawnAt);
    if (waitMs <= 0) this.#draw();
    else this.#timer ??= setTimeout(() => this.#draw(), waitMs).unref();
  }

  finish(): void {
    this.#draw();
    this.#drawn = 0;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#drawn > 0) this.#stream.write(up(this.#drawn) + CLEAR_BELOW);
    this.#drawn = 0;
  }

  #state(layer: string, totalBytes?: number): LayerState {
    const state = this.#layers.get(layer) ?? new LayerState(layer, totalBytes);
    this.#layers.set(layer, state);
    return state;
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drawnAt = performance.now();
    const lines = this.#lines();
    this.#stream.write(up(this.#drawn) + CLEAR_BELOW + lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }

  /** Where there are more layers than lines, those that something happens to are shown, and the others counted. */
  #lines(): string[] {
    // A bare pty says 0.
    const columns = this.#stream.columns > 0 ? this.#stream.columns : 80;
    const rows = this.#stream.rows > 0 ? this.#stream.rows : 24;
    const paint = painter(this.#stream);
    const all = [...this.#layers.values()];
    const room = Math.max(1, rows - 3);
    const active = all.filter(({ stage }) => stage !== "ready" && stage !== "waiting");
    const shown = all.length <= room ? all : active.slice(0, room);
    const lines = shown.map((state) => layerLine(state, columns, paint));
    if (shown.length < all.length) {
      const ready = all.filter(({ stage }) => stage === "ready");
      const bytes = ready.reduce((sum, { totalBytes = 0 }) => sum + totalBytes, 0);
      lines.push(`${ready.length} of ${all.length} layers ready (${humanSize(bytes)})`.slice(0, columns - 1));
    }
    if (this.#note !== "" && all.length === 0) lines.push(paint("dim", `${this.#note} ...`));
    return lines;
  }
}

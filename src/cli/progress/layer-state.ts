import type { LoadProgress } from "../../api.js";

/** How fast something goes is judged by the last seconds. */
const WINDOW_MS = 3000;

/** How far one layer is, and how fast it gets on. */
export class LayerState {
  readonly layer: string;
  stage: LoadProgress["stage"] | "waiting" = "waiting";
  doneBytes = 0;
  totalBytes: number | undefined;
  #samples: [time: number, bytes: number][] = [];

  constructor(layer: string, totalBytes?: number) {
    this.layer = layer;
    this.totalBytes = totalBytes;
  }

  update({ stage, doneBytes, totalBytes }: LoadProgress, now: number): void {
    // What is told late of a stage that is over says nothing.
    if (this.stage === "ready") return;
    if (stage !== this.stage) this.#samples = [];
    this.stage = stage;
    if (totalBytes !== undefined) this.totalBytes = totalBytes;
    this.doneBytes = stage === "ready" ? (this.totalBytes ?? 0) : (doneBytes ?? 0);
    // A download that was begun anew is no negative speed.
    if (this.doneBytes < (this.#samples.at(-1)?.[1] ?? 0)) this.#samples = [];
    this.#samples.push([now, this.doneBytes]);
    while (this.#samples.length > 2 && now - (this.#samples[0]?.[0] ?? now) > WINDOW_MS) this.#samples.shift();
  }

  /** Bytes a second; undefined while there is too little to judge by. */
  rate(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last[0] - first[0] < 300) return undefined;
    return ((last[1] - first[1]) * 1000) / (last[0] - first[0]);
  }

  /** Milliseconds to go at this rate. */
  leftMs(): number | undefined {
    const rate = this.rate();
    if (rate === undefined || rate <= 0 || this.totalBytes === undefined) return undefined;
    return ((this.totalBytes - this.doneBytes) * 1000) / rate;
  }
}

import type { painter } from "../format/colour.js";
import { humanSize, shortId } from "../format/human.js";
import { displayWidth } from "../format/table.js";
import type { LayerState } from "./layer-state.js";

const WORDS: Partial<Record<LayerState["stage"], string>> = {
  waiting: "waiting",
  download: "downloading",
  unpack: "unpacking",
  verify: "checking",
  ready: "ready",
};
const LONGEST_BAR = 30;
const SHORTEST_BAR = 8;

/** One line of a layer, no wider than the terminal: its name, what is done with it, a bar, bytes, rate and time left. */
export function layerLine(state: LayerState, columns: number, paint: ReturnType<typeof painter>): string {
  const word = (WORDS[state.stage] ?? state.stage).padEnd(11);
  const head = `${shortId(state.layer)}  ${word}`;
  const colour = state.stage === "ready" ? "green" : state.stage === "waiting" ? "dim" : "cyan";
  const painted = `${shortId(state.layer)}  ${paint(colour, word)}`;
  const { totalBytes, doneBytes } = state;
  if (totalBytes === undefined || state.stage === "waiting" || state.stage === "ready") {
    return `${painted}${totalBytes === undefined ? "" : `  ${humanSize(totalBytes)}`}`.trimEnd();
  }
  const rate = state.rate();
  const left = state.leftMs();
  const figures = [
    `${humanSize(doneBytes)} / ${humanSize(totalBytes)}`.padStart(19),
    rate === undefined ? "" : `${humanSize(rate)}/s`.padStart(12),
    left === undefined ? "" : `${remaining(left)} left`,
  ];
  const fitting = [3, 2, 1, 0]
    .map((count) =>
      figures
        .slice(0, count)
        .filter((text) => text !== "")
        .join("  "),
    )
    .find((text) => displayWidth(head) + displayWidth(text) + SHORTEST_BAR + 6 <= columns);
  const room = columns - displayWidth(head) - displayWidth(fitting ?? "") - 6;
  if (room < SHORTEST_BAR) return painted;
  return `${painted}  ${bar(doneBytes / Math.max(totalBytes, 1), Math.min(room, LONGEST_BAR))}  ${fitting ?? ""}`.trimEnd();
}

function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return `[${"=".repeat(Math.max(0, filled - 1))}${filled > 0 ? (filled === width ? "=" : ">") : ""}${" ".repeat(width - filled)}]`;
}

/** `8 s`, `3 min`, `1 h 20 min`. */
export function remaining(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

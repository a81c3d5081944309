import { constants } from "node:os";
import { invalid } from "./invalid.js";

/** A signal by number, name or name without SIG, as its full name; real-time signals by number. */
export function parseSignal(text: string): string | number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= 64) return number;
  }
  const name = text.toUpperCase().replace(/^(?!SIG)/, "SIG");
  if (name in constants.signals) return name;
  throw invalid(`'${text}' is not a signal`, "write it as TERM, SIGTERM or 15");
}

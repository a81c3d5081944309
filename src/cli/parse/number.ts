import { invalid } from "./invalid.js";

/** A decimal number such as `0.5`. Whether the value makes sense is for the runtime to say. */
export function parseDecimal(text: string): number {
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(text)) throw invalid(`'${text}' is not a number`);
  return Number(text);
}

/** A whole number, 0 or above. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw invalid(`'${text}' is not a whole number`);
  return count;
}

/** `--tail`: a number of lines, or `all`. */
export function parseTail(text: string): number | undefined {
  return text === "all" ? undefined : parseCount(text);
}

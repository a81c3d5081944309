import { invalid } from "./invalid.js";

const unitBytes: Record<string, number> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/**
 * Bytes of a size written as docker's: `64m`, `1.5g`, `512MiB`, `1073741824`. Units are powers of 1024, in either case.
 * Throws INVALID_ARGUMENT for anything else, and for what is not a safe integer of bytes.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(text.trim());
  if (!match) throw invalid(`'${text}' is not a size`, "write a number and a unit, such as 64m or 1.5g");
  const bytes = Math.floor(Number(match[1]) * (unitBytes[(match[2] ?? "").toLowerCase()] ?? 1));
  if (!Number.isSafeInteger(bytes)) throw invalid(`the size '${text}' is too large`);
  return bytes;
}

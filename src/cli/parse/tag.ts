import { invalid } from "./invalid.js";

/** `key=value`; a key alone has an empty value. */
export function parseTag(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (key === "") throw invalid(`'${text}' is not a tag`, "write it as key=value");
  return [key, at < 0 ? "" : text.slice(at + 1)];
}

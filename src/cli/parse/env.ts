import { readFileSync } from "node:fs";
import { GranuleError } from "../../errors.js";
import { invalid } from "./invalid.js";

/** A `KEY=value` entry as it stands; the value may be empty and may hold further `=`. */
export function parseEnv(entry: string): string {
  const at = entry.indexOf("=");
  if (at > 0) return entry;
  if (at === 0) throw invalid(`the environment entry '${entry}' has no name before '='`);
  throw invalid(`the environment entry '${entry}' has no '='`, `write it as ${entry || "KEY"}=value`);
}

/** Entries of an env file: one `KEY=value` a line, blank lines and lines that begin with `#` left out. No quoting. */
export function parseEnvFile(text: string, path: string): string[] {
  const entries: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    if (line.indexOf("=") < 1) {
      throw invalid(
        `${path}:${index + 1}: '${line}' is not KEY=value`,
        "one KEY=value a line; # begins a comment line",
      );
    }
    entries.push(line);
  }
  return entries;
}

/** Reads an env file of the machine that the command runs on. */
export function readEnvFile(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    const cause = GranuleError.from(thrown, "INVALID_ARGUMENT");
    throw new GranuleError(
      "INVALID_ARGUMENT",
      `the env file '${path}' cannot be read (${cause.errno ?? cause.message})`,
      {
        path,
        cause: thrown,
      },
    );
  }
  return parseEnvFile(text, path);
}

import { GranuleError } from "../../errors.js";

/** The error of an argument that cannot be read: what was given, and what is expected instead. */
export function invalid(message: string, hint?: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", message, hint === undefined ? {} : { hint });
}

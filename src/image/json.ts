import { GranuleError } from "../errors.js";

/** An object that came from outside: every field still has to be checked. */
export type JsonObject = Record<string, unknown>;

/** Largest JSON document of an image: index, manifest or configuration (distribution-spec recommends 4 MiB). */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** The error of an image that contradicts its specification or itself. */
export function corrupt(message: string, path?: string, cause?: unknown): GranuleError {
  return new GranuleError("CORRUPT", message, {
    ...(path === undefined ? {} : { path }),
    ...(cause === undefined ? {} : { cause }),
    hint: "save or download the image again",
  });
}

/** Parses a document that must be an object. `what` names it in errors. */
export function parseObject(bytes: Uint8Array, what: string): JsonObject {
  return asObject(parseJson(bytes, what), what);
}

/** Parses UTF-8 JSON within the size limit. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > MAX_JSON_BYTES) throw corrupt(`${what} is larger than 4 MiB`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (thrown) {
    throw corrupt(`${what} is not JSON`, undefined, thrown);
  }
}

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw corrupt(`${what} is not an object`);
  return value as JsonObject;
}

/** A list that may be absent or null, as Go writes empty ones. */
export function asList(value: unknown, what: string, maxLength: number): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw corrupt(`${what} is not a list`);
  if (value.length > maxLength) throw corrupt(`${what} has more than ${maxLength} entries`);
  return value as unknown[];
}

/** A string without NUL bytes; absent or null is the empty string. */
export function asText(value: unknown, what: string, maxLength = 4096): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw corrupt(`${what} is not a string`);
  if (value.length > maxLength) throw corrupt(`${what} is longer than ${maxLength} characters`);
  if (value.includes("\0")) throw corrupt(`${what} holds a NUL byte`);
  return value;
}

export function asTextList(value: unknown, what: string, maxLength: number, maxTextLength = 128 * 1024): string[] {
  return asList(value, what, maxLength).map((item, index) => asText(item, `${what}[${index}]`, maxTextLength));
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function asDigest(value: unknown, what: string): string {
  const digest = asText(value, what, 256);
  if (DIGEST.test(digest)) return digest;
  if (/^[a-z0-9+._-]+:[0-9a-zA-Z=_-]+$/.test(digest) && !digest.startsWith("sha256:")) {
    throw new GranuleError("UNSUPPORTED", `${what} uses ${digest.split(":")[0]}; only sha256 is supported`);
  }
  throw corrupt(`${what} is no sha256 digest`);
}

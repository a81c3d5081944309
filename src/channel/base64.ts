import { GranuleError } from "../errors.js";

// btoa and atob take one character a byte, and an argument list has bounds.
const CHUNK_BYTES = 0x2000;

/** Standard base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let characters = "";
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    characters += String.fromCharCode(...bytes.subarray(offset, offset + CHUNK_BYTES));
  }
  return btoa(characters);
}

/** @throws INVALID_ARGUMENT where the text is no base64. */
export function fromBase64(text: string): Uint8Array {
  let characters: string;
  try {
    characters = atob(text);
  } catch (error) {
    throw new GranuleError("INVALID_ARGUMENT", "malformed message: data is not base64", { cause: error });
  }
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

import { asyncApi } from "./async-api.js";
import { jsonSchema } from "./json-schema.js";
import { protocolPage } from "./page.js";

/** Every document that is made from the table: its file beside this folder's, and its text. */
export function documents(): Record<string, string> {
  return {
    "PROTOCOL.md": protocolPage(),
    "granule.schema.json": json(jsonSchema()),
    "granule.asyncapi.json": json(asyncApi()),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

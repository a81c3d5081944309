import { Definitions, type Json, methods } from "./definitions.js";
import { messageSchema, messages } from "./messages.js";

/**
 * The protocol as JSON Schema 2020-12: a message is valid where it fits one of the variants; what a method takes and
 * gives stands under `$defs` as `<method>.params`, `<method>.result` and `<method>.item`.
 */
export function jsonSchema(): Json {
  const definitions = new Definitions("#/$defs/");
  const variants = messages(definitions).map((message) =>
    definitions.define(`message.${message.name}`, messageSchema(message)),
  );
  for (const [name, { params, result, items }] of methods) {
    definitions.define(`${name}.params`, params);
    definitions.define(`${name}.result`, result);
    if (items !== undefined) definitions.define(`${name}.item`, items);
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "granule.v1",
    description: "Messages of the control channel of granule, in CBOR or JSON.",
    oneOf: variants,
    $defs: definitions.all,
  };
}

import { SUBPROTOCOLS } from "../frames.js";
import { Definitions, errorsOf, type Json, methods } from "./definitions.js";
import { messageSchema, messages } from "./messages.js";

/** The protocol as AsyncAPI 3.0: one channel, the WebSocket; one operation a method, as the server sees it. */
export function asyncApi(): Json {
  const definitions = new Definitions("#/components/schemas/");
  const channelMessages: Json = {};
  const add = (name: string, payload: Json, summary: string): Json => {
    channelMessages[name] = { name, summary, payload };
    return { $ref: `#/channels/granule/messages/${name}` };
  };
  for (const message of messages(definitions)) {
    add(message.name, definitions.define(`message.${message.name}`, messageSchema(message)), message.summary);
  }
  const operations: Json = {};
  const channel = { $ref: "#/channels/granule" };
  for (const [name, method] of methods) {
    const params = definitions.define(`${name}.params`, method.params);
    const request = tuple(
      [{ const: 1 }, { type: "integer" }, { const: name }, params, definitions.reference("RequestOptions")],
      4,
    );
    const result = tuple([{ const: 2 }, { type: "integer" }, definitions.define(`${name}.result`, method.result)], 3);
    const replies = [
      add(`${name}.result`, result, `Answer to ${name}.`),
      { $ref: "#/channels/granule/messages/error" },
    ];
    if (method.items !== undefined) {
      const item = tuple([{ const: 9 }, { type: "integer" }, definitions.define(`${name}.item`, method.items)], 3);
      replies.push(add(`${name}.item`, item, `Item of the subscription that ${name} opens.`));
    }
    operations[name] = {
      action: "receive",
      channel,
      summary: method.summary,
      messages: [add(`${name}.request`, request, method.summary)],
      reply: { channel, messages: replies },
      "x-role": method.role,
      "x-reach": method.reach,
      "x-changes-state": method.changes,
      "x-errors": errorsOf(method),
    };
  }
  return {
    asyncapi: "3.0.0",
    info: {
      title: "granule control channel",
      version: "1",
      description: `Lifecycle of containers over a WebSocket. Subprotocols: ${SUBPROTOCOLS.join(", ")}.`,
    },
    defaultContentType: "application/cbor",
    channels: {
      granule: { address: "/", messages: channelMessages, bindings: { ws: { method: "GET" } } },
    },
    operations,
    components: { schemas: definitions.all },
  };
}

function tuple(prefixItems: Json[], minItems: number): Json {
  return { type: "array", prefixItems, minItems };
}

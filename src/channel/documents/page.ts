import { SUBPROTOCOLS } from "../frames.js";
import { LIMITS } from "../limits.js";
import { COMMON_ERRORS } from "../methods.js";
import { Definitions, type Json, methods } from "./definitions.js";
import { messages } from "./messages.js";

/** The protocol as a page for people, in Markdown. */
export function protocolPage(): string {
  const definitions = new Definitions("");
  const frames = messages(definitions);
  const parts = [
    "# The control channel, granule.v1",
    "This page is made from the table in `src/channel/methods.ts` by `npm run documents`; `granule schema` prints the same table as JSON Schema and as AsyncAPI.",
    `A WebSocket with the subprotocol \`${SUBPROTOCOLS[0]}\` (binary messages, RFC 8949 CBOR without tags) or \`${SUBPROTOCOLS[1]}\` (text messages, the same values as JSON, bytes as base64). Fields and elements that a peer does not know are ignored. Times are ISO 8601 in UTC in both, whole numbers stay within 2^53.`,
    "## Messages",
    "Every message is an array that begins with its type.",
    table(
      ["message", "from", "what"],
      frames.map(({ type, name, from, summary, elements }) => [
        `\`[${[type, ...elements.map(([element]) => element)].join(", ")}]\` ${name}`,
        from,
        summary,
      ]),
    ),
    RULES,
    "## Limits",
    "All can be set where the server is started; its hello tells those in force.",
    table(
      ["limit", "unless told", "what"],
      Object.entries(LIMITS).map(([name, { value, about }]) => [`\`${name}\``, String(value), about]),
    ),
    "## Methods",
    `Any method may end with ${list(COMMON_ERRORS)}. A role covers those before it: reader, operator, admin.`,
    table(
      ["method", "role", "changes state", "what"],
      methods.map(([name, { role, changes, summary }]) => [
        `[${name}](#${name.replace(".", "")})`,
        role,
        changes ? "yes" : "",
        summary,
      ]),
    ),
  ];
  for (const [name, { summary, params, result, items, errors }] of methods) {
    parts.push(`### ${name}`, summary);
    const fields = fieldsOf(definitions, definitions.plain(params));
    if (fields.length > 0) parts.push(table(["param", "type", ""], fields));
    const lines = [`Result: ${typeText(definitions.plain(result))}.`];
    if (items !== undefined) lines.push(`Items: ${typeText(definitions.plain(items))}.`);
    if (errors.length > 0) lines.push(`Errors: ${list(errors)}.`);
    parts.push(lines.join(" "));
  }
  parts.push("## Types");
  for (const [name, schema] of Object.entries(definitions.all).sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(`### ${name}`);
    const fields = fieldsOf(definitions, schema as Json);
    parts.push(fields.length > 0 ? table(["field", "type", ""], fields) : `${typeText(schema as Json)}.`);
  }
  return `${parts.join("\n\n")}\n`;
}

const RULES = `## Rules

- **Requests.** \`deadlineMs\` gives a request up at the server too. \`idempotencyKey\` makes a call that changes state
  happen once: a repetition with the same key, method and params, on any connection of the same principal and after a
  restart of the server, gets the first outcome, with \`replayed\` in the answer. A key that was used for another call is
  INVALID_ARGUMENT. Where the server died during the call, the repetition says so (UNAVAILABLE, not retryable). Errors that
  are retryable are not remembered.
- **Given up.** A container that was made for a call whose caller cancelled it, or whose deadline passed, is removed
  again; so it is for a caller without a key that hung up before its answer.
- **Streams** carry bytes both ways, subscriptions carry items; both have ids that the server gives out. The sender starts
  with the credit that the hello's limits name, and waits for more.
- **Resuming.** Items of events and samples carry \`epoch\` and \`seq\`; \`after\` with the last one that was read goes on
  behind it. What is no longer held is CURSOR_EXPIRED with \`epoch\`, \`oldest\` and \`latest\` in \`details\`.
- **Liveness.** The server sends WebSocket pings to silent peers; \`channel.ping\` asks the same of the server.
- **Faults.** A message that is none, or is too large, ends its connection with a close code of RFC 6455: 1002 for the
  order of messages, 1007 for their form, 1008 for buffered bytes, 1009 for size. A bad method or bad params is an error of
  that request alone, with the path of the field in \`details.field\`.`;

function fieldsOf(definitions: Definitions, schema: Json): string[][] {
  const target = typeof schema["$ref"] === "string" ? (definitions.all[schema["$ref"]] as Json) : schema;
  const properties = (target["properties"] ?? {}) as Record<string, Json>;
  const required = new Set((target["required"] ?? []) as string[]);
  return Object.entries(properties).map(([name, field]) => [
    `\`${name}\`${required.has(name) ? "" : " ?"}`,
    typeText(field),
    typeof field["description"] === "string" ? field["description"] : "",
  ]);
}

function typeText(schema: Json): string {
  const { properties, items, anyOf, patternProperties, additionalProperties } = schema as Record<string, Json>;
  if (typeof schema["$ref"] === "string") return `[${schema["$ref"]}](#${schema["$ref"].toLowerCase()})`;
  if ("const" in schema) return `\`${String(schema["const"])}\``;
  if (Array.isArray(schema["enum"])) return schema["enum"].map((word) => `\`${String(word)}\``).join(" or ");
  if (Array.isArray(anyOf)) return (anyOf as Json[]).map(typeText).join(" or ");
  if (items !== undefined) return `list of ${typeText(items)}`;
  const values = patternProperties === undefined ? additionalProperties : Object.values(patternProperties)[0];
  if (typeof values === "object") return `map of text to ${typeText(values as Json)}`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([name, field]) => `${name}: ${typeText(field as Json)}`);
    return fields.length === 0 ? "empty map" : `{ ${fields.join(", ")} }`;
  }
  const words: Record<string, string> = { string: "text", object: "map", boolean: "true or false", null: "null" };
  if (schema["format"] === "date-time") return "time";
  return typeof schema["type"] === "string" ? (words[schema["type"]] ?? schema["type"]) : "any value";
}

/** A table with its columns aligned, so that it reads as well unrendered. */
function table(head: string[], rows: string[][]): string {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(lines[0] ?? []), rule, ...lines.slice(1).map(line)].join("\n");
}

function list(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(", ");
}

import type { Definitions, Json } from "./definitions.js";

export interface Message {
  type: number;
  name: string;
  from: "server" | "client" | "both";
  summary: string;
  /** Elements behind the type: name and schema; `?` at the end of a name marks those that may be left out. */
  elements: [name: string, schema: Json][];
}

const id = { type: "integer", minimum: 0 };
const text = { type: "string" };

const requestOptions = {
  type: "object",
  properties: {
    deadlineMs: { type: "number", exclusiveMinimum: 0 },
    idempotencyKey: { type: "string", minLength: 1, maxLength: 256 },
  },
};

const error = {
  type: "object",
  required: ["code", "message", "retryable"],
  properties: {
    code: text,
    message: text,
    retryable: { type: "boolean" },
    hint: text,
    errno: text,
    syscall: text,
    path: text,
    details: { type: "object" },
  },
};

const hello = {
  type: "object",
  required: ["protocol", "version", "epoch", "role", "limits", "methods", "keyed"],
  properties: {
    protocol: { const: "granule.v1" },
    version: text,
    epoch: { type: "string", description: "Changes with every start of the server." },
    role: { enum: ["reader", "operator", "admin"] },
    limits: { type: "object", additionalProperties: { type: "number" } },
    methods: { type: "array", items: text, description: "Methods that the role may call." },
    keyed: { type: "array", items: text, description: "Those that change state, and so take an idempotency key." },
  },
};

const answered = {
  type: "object",
  properties: { replayed: { type: "boolean", description: "The call was made before; this is what came of it then." } },
};

/** Every message. The first element of the array is its type. */
export function messages(definitions: Definitions): Message[] {
  const bytes = { type: "string", contentEncoding: "base64", description: "A byte string in CBOR, base64 in JSON." };
  return [
    {
      type: 0,
      name: "hello",
      from: "server",
      summary: "The first message of a connection.",
      elements: [["hello", definitions.define("Hello", hello)]],
    },
    {
      type: 1,
      name: "request",
      from: "client",
      summary: "Calls a method. The caller chooses the id; it is free again once answered.",
      elements: [
        ["id", id],
        ["method", text],
        ["params", { type: "object" }],
        ["options?", definitions.define("RequestOptions", requestOptions)],
      ],
    },
    {
      type: 2,
      name: "result",
      from: "server",
      summary: "The call was done.",
      elements: [
        ["id", id],
        ["result", {}],
        ["about?", definitions.define("Answered", answered)],
      ],
    },
    {
      type: 3,
      name: "error",
      from: "server",
      summary: "The call failed.",
      elements: [
        ["id", id],
        ["error", definitions.define("Error", error)],
        ["about?", definitions.define("Answered", answered)],
      ],
    },
    { type: 4, name: "cancel", from: "client", summary: "The caller waits no longer.", elements: [["id", id]] },
    {
      type: 5,
      name: "data",
      from: "both",
      summary: "Bytes of a stream, within the credit that the other side gave.",
      elements: [
        ["stream", id],
        ["bytes", bytes],
      ],
    },
    {
      type: 6,
      name: "credit",
      from: "both",
      summary: "So many more bytes of a stream, or items of a subscription, may come.",
      elements: [
        ["stream", id],
        ["credit", { type: "integer", minimum: 1 }],
      ],
    },
    {
      type: 7,
      name: "end",
      from: "both",
      summary: "This side sends no more: a half-close.",
      elements: [["stream", id]],
    },
    {
      type: 8,
      name: "reset",
      from: "both",
      summary: "The stream or subscription is over at once, in both directions.",
      elements: [
        ["stream", id],
        ["code", text],
        ["error?", definitions.reference("Error")],
      ],
    },
    {
      type: 9,
      name: "item",
      from: "server",
      summary: "One item of a subscription.",
      elements: [
        ["subscription", id],
        ["item", { type: "object" }],
      ],
    },
    {
      type: 10,
      name: "goaway",
      from: "server",
      summary: "The server is leaving: it finishes what is in flight and takes nothing new.",
      elements: [["reason", text]],
    },
  ];
}

/** The JSON Schema of a message. More elements may follow, from newer peers. */
export function messageSchema({ type, name, summary, elements }: Message): Json {
  const needed = elements.filter(([element]) => !element.endsWith("?")).length;
  return {
    title: name,
    description: summary,
    type: "array",
    prefixItems: [
      { const: type },
      ...elements.map(([element, schema]) => ({ title: element.replace("?", ""), ...schema })),
    ],
    minItems: needed + 1,
  };
}

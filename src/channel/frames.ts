import { GranuleError } from "../errors.js";
import { type ChannelLimits, KEY_CHARACTERS } from "./limits.js";
import type { Role } from "./roles.js";
import { errorFromWire, isErrorCode, type WireError } from "./wire-error.js";

/** WebSocket subprotocols, the preferred one first. */
export const SUBPROTOCOLS = ["granule.v1.cbor", "granule.v1.json"] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** First element of every message. */
export const FrameType = {
  hello: 0,
  request: 1,
  result: 2,
  error: 3,
  cancel: 4,
  data: 5,
  credit: 6,
  end: 7,
  reset: 8,
  item: 9,
  goaway: 10,
} as const;

/** The server's first message. */
export interface Hello {
  protocol: "granule.v1";
  /** Version of the server. */
  version: string;
  /** Changes with every start of the server. */
  epoch: string;
  role: Role;
  limits: ChannelLimits;
  /** Methods that the role may call. */
  methods: string[];
  /** Those of them that change state, and so take an idempotency key. */
  keyed: string[];
}

export interface RequestOptions {
  /** The request is given up, at the server too, after so many milliseconds. */
  deadlineMs?: number;
  /** Makes a repeated request harmless. */
  idempotencyKey?: string;
}

/** Said of an answer. */
export interface Answered {
  /** The call was made before with the same idempotency key; this is what came of it then. */
  replayed?: boolean;
}

/** A message. Streams and subscriptions share one space of ids, which the server gives out. */
export type Frame =
  | [type: 0, hello: Hello]
  | [type: 1, id: number, method: string, params: unknown, options?: RequestOptions]
  | [type: 2, id: number, result: unknown, about?: Answered]
  | [type: 3, id: number, error: WireError, about?: Answered]
  | [type: 4, id: number]
  | [type: 5, stream: number, bytes: Uint8Array]
  | [type: 6, stream: number, credit: number]
  | [type: 7, stream: number]
  | [type: 8, stream: number, code: string, error?: WireError]
  | [type: 9, subscription: number, item: unknown]
  | [type: 10, reason: string];

/**
 * Checks the outer form of a decoded message. Further elements at its end are ignored, for newer peers.
 * @throws INVALID_ARGUMENT where it is not a message.
 */
export function toFrame(value: unknown): Frame {
  const message = elements(value);
  const type = message[0];
  switch (type) {
    case FrameType.hello:
      return [type, message[1] as Hello];
    case FrameType.request:
      if (typeof message[2] !== "string") throw malformed("a request names its method");
      return [type, id(message), message[2], message[3], requestOptions(message[4])];
    case FrameType.item:
      return [type, id(message), message[2]];
    case FrameType.result: {
      const about = message[3] as Answered | undefined;
      return about === undefined ? [type, id(message), message[2]] : [type, id(message), message[2], about];
    }
    case FrameType.error: {
      const error = message[2] as WireError;
      const about = message[3] as Answered | undefined;
      return about === undefined ? [type, id(message), error] : [type, id(message), error, about];
    }
    case FrameType.cancel:
    case FrameType.end:
      return [type, id(message)];
    case FrameType.data:
      if (!(message[2] instanceof Uint8Array)) throw malformed("data is bytes");
      return [type, id(message), message[2]];
    case FrameType.credit:
      if (!isCount(message[2]) || message[2] === 0) throw malformed("credit is a positive whole number");
      return [type, id(message), message[2]];
    case FrameType.reset: {
      const code = message[2];
      if (typeof code !== "string") throw malformed("a reset has a code");
      const error = message[3] as WireError | undefined;
      return error === undefined ? [type, id(message), code] : [type, id(message), code, error];
    }
    case FrameType.goaway:
      return [type, typeof message[1] === "string" ? message[1] : ""];
    default:
      throw malformed("a message begins with a type that is known");
  }
}

/** The error that a reset frame stands for. */
export function resetError(code: string, error: WireError | undefined): GranuleError {
  if (error !== undefined) return errorFromWire(error);
  return new GranuleError(isErrorCode(code) ? code : "INTERNAL", `the peer reset the stream: ${code}`);
}

function requestOptions(value: unknown): RequestOptions {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw malformed("request options are a map");
  const { deadlineMs, idempotencyKey } = value as Record<string, unknown>;
  const options: RequestOptions = {};
  if (deadlineMs !== undefined) {
    if (typeof deadlineMs !== "number" || !(deadlineMs > 0)) throw malformed("deadlineMs is a positive number");
    options.deadlineMs = deadlineMs;
  }
  if (idempotencyKey !== undefined) {
    if (typeof idempotencyKey !== "string" || idempotencyKey === "" || idempotencyKey.length > KEY_CHARACTERS) {
      throw malformed(`idempotencyKey is text of 1 to ${KEY_CHARACTERS} characters`);
    }
    options.idempotencyKey = idempotencyKey;
  }
  return options;
}

function elements(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw malformed("a message is an array");
  return value;
}

function id(message: unknown[]): number {
  const value = message[1];
  if (!isCount(value)) throw malformed("an id is a whole number from 0 on");
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(why: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `malformed message: ${why}`);
}

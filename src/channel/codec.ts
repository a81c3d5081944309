import { Encoder } from "cbor-x";
import { GranuleError } from "../errors.js";
import { fromBase64, toBase64 } from "./base64.js";
import { type ScanLimits, scanCbor } from "./cbor-scan.js";
import { type Frame, FrameType, type Subprotocol, toFrame } from "./frames.js";

/** Turns messages into WebSocket payloads and back. */
export interface Codec {
  readonly subprotocol: Subprotocol;
  /** Whether payloads are binary messages; text otherwise. */
  readonly binary: boolean;
  encode(frame: Frame): Uint8Array | string;
  /** What stands before the bytes in a data message, where the bytes follow it as they are. */
  dataHead?(stream: number, byteLength: number): Uint8Array;
  /** @throws INVALID_ARGUMENT where the payload is no message. */
  decode(payload: Uint8Array | string): Frame;
}

/** The codec of a subprotocol, with limits for what it decodes. */
export function createCodec(subprotocol: Subprotocol, limits: ScanLimits): Codec {
  return subprotocol === "granule.v1.cbor" ? new CborCodec(limits) : new JsonCodec(limits);
}

class CborCodec implements Codec {
  readonly subprotocol = "granule.v1.cbor";
  readonly binary = true;
  readonly #limits: ScanLimits;
  readonly #cbor = new Encoder({
    useRecords: false,
    mapsAsObjects: true,
    tagUint8Array: false,
    variableMapSize: true,
    int64AsNumber: true,
  } as ConstructorParameters<typeof Encoder>[0]);

  constructor(limits: ScanLimits) {
    this.#limits = limits;
  }

  encode(frame: Frame): Uint8Array {
    return this.#cbor.encode(frame[0] === FrameType.data ? frame : plain(frame));
  }

  /** An array of three, the type, the stream, and the head of a byte string of 32-bit length (RFC 8949, section 3). */
  dataHead(stream: number, byteLength: number): Uint8Array {
    const head = new Uint8Array(12);
    const view = new DataView(head.buffer);
    head[0] = 0x83;
    head[1] = FrameType.data;
    head[2] = 0x1a;
    view.setUint32(3, stream);
    head[7] = 0x5a;
    view.setUint32(8, byteLength);
    return head;
  }

  decode(payload: Uint8Array | string): Frame {
    if (typeof payload === "string") throw new GranuleError("INVALID_ARGUMENT", "a text message in granule.v1.cbor");
    scanCbor(payload, this.#limits);
    return toFrame(this.#cbor.decode(payload));
  }
}

class JsonCodec implements Codec {
  readonly subprotocol = "granule.v1.json";
  readonly binary = false;
  readonly #limits: ScanLimits;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
  }

  encode(frame: Frame): string {
    if (frame[0] === FrameType.data) return JSON.stringify([frame[0], frame[1], toBase64(frame[2])]);
    return JSON.stringify(frame);
  }

  decode(payload: Uint8Array | string): Frame {
    if (typeof payload !== "string") throw new GranuleError("INVALID_ARGUMENT", "a binary message in granule.v1.json");
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      throw new GranuleError("INVALID_ARGUMENT", "malformed message: not JSON", { cause: error });
    }
    countValues(value, this.#limits);
    if (Array.isArray(value) && value[0] === FrameType.data && typeof value[2] === "string") {
      value[2] = fromBase64(value[2]);
    }
    return toFrame(value);
  }
}

/**
 * The value as plain CBOR can say it: absent fields are left out, and whole numbers that cbor-x would write as floats
 * become BigInt. Copies only what it changes.
 */
function plain(value: unknown): unknown {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x100000000) ? BigInt(value) : value;
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const entry: unknown = value[i];
      const changed = plain(entry);
      if (changed === entry) continue;
      copy ??= value.slice();
      copy[i] = changed;
    }
    return copy ?? value;
  }
  const source = value as Record<string, unknown>;
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(source)) {
    const entry = source[key];
    const changed = plain(entry);
    if (changed === entry && entry !== undefined) continue;
    copy ??= { ...source };
    if (changed === undefined) delete copy[key];
    else copy[key] = changed;
  }
  return copy ?? value;
}

/** Holds JSON to the same bounds as CBOR; the size of the message already bounds the work. */
function countValues(root: unknown, limits: ScanLimits): void {
  let level: unknown[] = [root];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.maxDepth) {
      throw new GranuleError("INVALID_ARGUMENT", `malformed message: nesting deeper than ${limits.maxDepth}`);
    }
    values += level.length;
    if (values > limits.maxValues) {
      throw new GranuleError("INVALID_ARGUMENT", `malformed message: more than ${limits.maxValues} values`);
    }
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value === "object" && value !== null) for (const entry of Object.values(value)) next.push(entry);
    }
    level = next;
  }
}

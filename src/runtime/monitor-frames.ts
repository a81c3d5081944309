import { getSystemErrorName } from "node:util";
import { GranuleError } from "../errors.js";
import type { EndReport } from "../native.js";

/** Frame types of the monitor's socket; native/monitor/protocol.h is the contract. */
export const Message = {
  State: 1,
  Start: 2,
  Kill: 3,
  Resize: 4,
  Wait: 5,
  Attach: 6,
  Input: 16,
  Ok: 64,
  Failure: 65,
  StateReply: 66,
  Exit: 67,
  Stdout: 80,
  Stderr: 81,
  Credit: 82,
} as const;

export const maxFrameBytes = 1 << 20;

const headerBytes = 5;

export interface Frame {
  type: number;
  payload: Buffer;
}

export interface MonitorState {
  state: "created" | "running" | "stopped";
  pid: number;
  createdNs: bigint;
  startedNs: bigint;
  startTicks: bigint;
  startedBootNs: bigint;
}

/** How a process ended, as its monitor saw it. */
export type MonitorExit = Omit<EndReport, "counters">;

export interface MonitorFailure {
  step: string;
  errno: string;
  path: string;
}

export function encodeFrame(type: number, payload?: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + (payload?.length ?? 0));
  frame.writeUInt32LE(frame.length - 4, 0);
  frame[4] = type;
  if (payload) frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a byte stream into frames; bytes are copied only where a frame spans chunks. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= headerBytes) {
      if ((this.#chunks[0] as Buffer).length < headerBytes) this.#join();
      const length = (this.#chunks[0] as Buffer).readUInt32LE(0);
      if (length < 1 || length > maxFrameBytes) {
        throw new GranuleError("CORRUPT", `a monitor sent a frame of ${length} bytes`);
      }
      if (this.#bytes < 4 + length) return;
      if ((this.#chunks[0] as Buffer).length < 4 + length) this.#join();
      const head = this.#chunks[0] as Buffer;
      const frame = { type: head[4] as number, payload: head.subarray(headerBytes, 4 + length) };
      this.#bytes -= 4 + length;
      if (head.length > 4 + length) this.#chunks[0] = head.subarray(4 + length);
      else this.#chunks.shift();
      yield frame;
    }
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

const states = ["created", "running", "stopped"] as const;

export function decodeState(payload: Buffer): MonitorState {
  expectBytes(payload, 37, "state");
  return {
    state: states[payload.readUInt8(0)] ?? "stopped",
    pid: payload.readInt32LE(1),
    createdNs: payload.readBigUInt64LE(5),
    startedNs: payload.readBigUInt64LE(13),
    startTicks: payload.readBigUInt64LE(21),
    startedBootNs: payload.readBigUInt64LE(29),
  };
}

export function decodeExit(payload: Buffer): MonitorExit {
  expectBytes(payload, 41, "exit");
  const code = payload.readInt32LE(0);
  const signal = payload.readInt32LE(4);
  return {
    ...(code < 0 ? {} : { code }),
    ...(signal > 0 ? { signal } : {}),
    oomKilled: payload.readUInt8(8) !== 0,
    startedNs: payload.readBigUInt64LE(9),
    finishedNs: payload.readBigUInt64LE(17),
    startedBootNs: payload.readBigUInt64LE(25),
    finishedBootNs: payload.readBigUInt64LE(33),
  };
}

export function decodeFailure(payload: Buffer): MonitorFailure {
  const number = payload.length < 4 ? 0 : payload.readInt32LE(0);
  const [step = "", path = ""] = payload.toString("utf8", 4).split("\0");
  return { step, path, errno: errnoName(number) };
}

/** Symbolic errno of its number; empty where there is none. */
export function errnoName(number: number): string {
  return number > 0 ? getSystemErrorName(-number) : "";
}

function expectBytes(payload: Buffer, least: number, what: string): void {
  if (payload.length >= least) return;
  throw new GranuleError("CORRUPT", `a monitor's ${what} answer has ${payload.length} bytes, not ${least}`);
}

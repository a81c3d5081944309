import type { GranuleError } from "../errors.js";
import type { ChannelLimits } from "./limits.js";
import type { Outbox } from "./outbox.js";

/** A stream or subscription of a session, as the peer's frames reach it. */
export interface SessionStream {
  /** Bytes from the peer; a stream without it only sends. */
  onData?(bytes: Uint8Array): void;
  onCredit?(amount: number): void;
  /** The peer sends no more. */
  onEnd?(): void;
  /** The peer reset the stream, or hung up. The stream is already closed. */
  onReset(error: GranuleError): void;
}

/** Streams carry bytes, subscriptions items; each kind has its limit. */
export type StreamKind = "stream" | "subscription";

/** What `containers.resize` reaches by the id of an attachment. */
export interface Terminal {
  resize(rows: number, columns: number): Promise<void>;
}

/** What a session offers its streams. */
export interface StreamHost {
  readonly limits: ChannelLimits;
  readonly outbox: Outbox;
  /** Registers a stream and gives its id. Throws RESOURCE_EXHAUSTED above the limit. */
  openStream(stream: SessionStream, kind: StreamKind): number;
  /** Tells the peer that no more is sent, and forgets the stream. */
  endStream(id: number): void;
  /** Tells the peer why the stream is over, and forgets it. */
  resetStream(id: number, error: GranuleError): void;
  /** Forgets the stream as if the peer had reset it. */
  closeStream(id: number): void;
  /** Terminals of execs and attaches that can be resized, by the id of their attachment. */
  readonly terminals: Map<number, Terminal>;
}

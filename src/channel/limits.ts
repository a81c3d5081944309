interface Limit {
  readonly value: number;
  readonly about: string;
}

/** Limits of a channel, with the values that hold unless the server is told others. */
export const LIMITS = {
  maxFrameBytes: limit(1 << 20, "Largest message the server takes, in bytes."),
  maxDepth: limit(32, "Deepest nesting of arrays and maps in a message."),
  maxValues: limit(1 << 16, "Most values in one message."),
  maxRequestsInFlight: limit(1024, "Requests of a connection that may be unfinished at once."),
  maxStreams: limit(512, "Streams of bytes that may be open at once on a connection."),
  maxSubscriptions: limit(512, "Subscriptions that may be open at once on a connection."),
  streamWindowBytes: limit(256 << 10, "First credit of a stream in each direction, in bytes."),
  subscriptionWindowItems: limit(256, "First credit of a subscription, in items."),
  subscriptionQueueItems: limit(1024, "Items kept for a subscriber that has no credit left."),
  maxBufferedBytes: limit(16 << 20, "Bytes that may wait for a connection that does not read; more ends it."),
  maxConnections: limit(4096, "Most connections at once."),
  maxConnectionsPerPeer: limit(
    2048,
    "Most connections at once from one address, or from one principal on a unix socket.",
  ),
  handshakeMs: limit(5000, "Time to complete the HTTP upgrade, in milliseconds."),
  pingIntervalMs: limit(15_000, "A peer that was silent so long is asked whether it lives."),
  pingTimeoutMs: limit(10_000, "A peer that does not answer within this time is taken for dead."),
  idempotencyKeyMs: limit(24 * 3_600_000, "How long the outcome of a call with an idempotency key is remembered."),
  maxIdempotencyKeys: limit(100_000, "Outcomes remembered for one principal; the oldest go first."),
} as const satisfies Record<string, Limit>;

/** The server tells them in its hello. */
export type ChannelLimits = { -readonly [K in keyof typeof LIMITS]: number };

export const DEFAULT_LIMITS: Readonly<ChannelLimits> = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { value }]) => [name, value]),
) as ChannelLimits;

/** Largest data frame that either side sends, so that streams share a connection fairly. */
export const DATA_FRAME_BYTES = 64 << 10;

/** Longest idempotency key. */
export const KEY_CHARACTERS = 256;

function limit(value: number, about: string): Limit {
  return { value, about };
}

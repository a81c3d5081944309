/** Limits that both ends of a channel keep. The server tells the ones a caller needs in its hello. */
export interface ChannelLimits {
  /** Largest message the server takes, in bytes. */
  maxFrameBytes: number;
  /** Deepest nesting of arrays and maps in a message. */
  maxDepth: number;
  /** Most values in one message. */
  maxValues: number;
  /** Requests that may be unfinished at once on a connection. */
  maxRequestsInFlight: number;
  /** Streams and subscriptions that may be open at once on a connection. */
  maxStreams: number;
  /** First credit of a stream in each direction, in bytes. */
  streamWindowBytes: number;
  /** First credit of a subscription, in items. */
  subscriptionWindowItems: number;
  /** Items kept for a subscriber that has no credit left. */
  subscriptionQueueItems: number;
  /** Most connections at once. */
  maxConnections: number;
  /** Time to complete the HTTP upgrade, in milliseconds. */
  handshakeMs: number;
}

export const DEFAULT_LIMITS: Readonly<ChannelLimits> = {
  maxFrameBytes: 1 << 20,
  maxDepth: 32,
  maxValues: 1 << 16,
  maxRequestsInFlight: 1024,
  maxStreams: 512,
  streamWindowBytes: 256 << 10,
  subscriptionWindowItems: 256,
  subscriptionQueueItems: 1024,
  maxConnections: 1024,
  handshakeMs: 5000,
};

/** Largest data frame that either side sends, so that streams share a connection fairly. */
export const DATA_FRAME_BYTES = 64 << 10;

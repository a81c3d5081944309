import { type DestinationStream, destination, type Logger, pino } from "pino";

export type { Logger };

/** Levels of the log, the most talkative first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;

/** JSON lines on stderr, each written before the next thing is done, so that a crash loses none. */
export function createLogger(
  level: LogLevel,
  stream: DestinationStream = destination({ dest: STDERR, sync: true }),
): Logger {
  const formatters = { level: (label: string): object => ({ level: label }) };
  const timestamp = (): string => `,"time":"${new Date().toISOString()}"`;
  return pino({ level, formatters, timestamp, base: { pid: process.pid } }, stream);
}

/** Lets so many lines a second through, for what a stranger can make happen as often as they like. */
export class LineLimit {
  readonly #most: number;
  #second = 0;
  #lines = 0;
  #suppressed = 0;

  constructor(mostPerSecond = 10) {
    this.#most = mostPerSecond;
  }

  /** Calls `write` with how many lines were left out before it, or leaves this one out too. */
  offer(write: (suppressed: number) => void, nowMs: number = Date.now()): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines >= this.#most) {
      this.#suppressed++;
      return;
    }
    this.#lines++;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    write(suppressed);
  }
}

/** How well the sampler keeps its seconds: ticks, whole seconds without one, and how late each was read. */
export class TickLog {
  ticks = 0;
  missed = 0;
  lastJitterMs = 0;
  maxJitterMs = 0;
  #last: number | undefined;

  /**
   * Notes a tick; the whole second it is for.
   * @param readSeconds when it was read, in seconds since the epoch
   * @param bootSeconds the same on CLOCK_BOOTTIME, which tells a missed tick from a clock that was set
   */
  note(readSeconds: number, bootSeconds: number): number {
    const whole = Math.floor(readSeconds);
    this.lastJitterMs = (readSeconds - whole) * 1000;
    this.maxJitterMs = Math.max(this.maxJitterMs, this.lastJitterMs);
    if (this.#last !== undefined) this.missed += Math.max(0, Math.round(bootSeconds - this.#last) - 1);
    this.#last = bootSeconds;
    this.ticks++;
    return whole;
  }
}

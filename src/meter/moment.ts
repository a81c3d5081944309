import { native } from "../native.js";

/** A time on both clocks, in nanoseconds: the wall for people, CLOCK_BOOTTIME for durations. */
export interface Moment {
  wallNs: bigint;
  bootNs: bigint;
}

/** Both clocks of this host, read one after the other. */
export const now = (): Moment => ({ wallNs: BigInt(Date.now()) * 1_000_000n, bootNs: native().boottimeNs() });

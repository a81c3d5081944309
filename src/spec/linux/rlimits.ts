/** Resource numbers of setrlimit(2) on x86_64 and arm64, from asm-generic/resource.h. */
export const rlimitNumbers = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
} as const;

export type RlimitType = keyof typeof rlimitNumbers;

/** The rlimit of a short name such as `nofile`; undefined where there is none. */
export function rlimitType(shortName: string): RlimitType | undefined {
  const type = `RLIMIT_${shortName.toUpperCase()}`;
  return Object.hasOwn(rlimitNumbers, type) ? (type as RlimitType) : undefined;
}

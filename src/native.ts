import { createRequire } from "node:module";
import { GranuleError } from "./errors.js";

/** A failed step of a native operation, as native code reports it. */
export interface NativeFailure {
  step: string;
  errno: string;
  path: string;
}

/** What the monitor says once its child waits for start (or runs), or why not. */
export type SpawnReport =
  | {
      ok: true;
      monitorPid: number;
      pid: number;
      createdNs: bigint;
      startedNs: bigint;
      startedBootNs: bigint;
      spare?: NativeSpare;
      /** Where it was wanted, and no spare. */
      end?: NativeEnd;
    }
  | ({ ok: false } & NativeFailure);

/** A spare of the addon's: a child that has made what every container has, and waits for the rest of its plan. */
export type NativeSpare = { readonly __brand: "spare" };

/** The end of a monitor's process, which is still to come. */
export type NativeEnd = { readonly __brand: "end" };

/**
 * How a process ended, as its monitor tells whoever started it. Wall times in nanoseconds since 1970, boot times of
 * CLOCK_BOOTTIME.
 */
export interface EndReport {
  code?: number;
  signal?: number;
  oomKilled: boolean;
  startedNs: bigint;
  finishedNs: bigint;
  startedBootNs: bigint;
  finishedBootNs: bigint;
  /** By their names in the exit record; what the host does not count is not there. */
  counters: Record<string, number>;
}

/** Of the rules that name a call, the first one whose arguments all match decides. */
export interface SeccompRule {
  /** System call names; unknown ones are passed over. */
  names: string[];
  /** `allow`, or the errno number to answer with. */
  action: "allow" | number;
  /** Each matches where `(argument & mask) === value`. */
  args?: { index: number; mask: bigint; value: bigint }[];
}

/** How far a file may be read that is still being written; see native/unpack/growth.h. */
export interface NativeGrowth {
  /** So many bytes from the start on are there. */
  advance(readable: number): void;
  /** What is readable is all, and is proven to be right. */
  end(): void;
  /** What was readable counts no more: whoever reads it fails. */
  lose(): void;
  /** Has whoever reads look whether it was cancelled. */
  wake(): void;
}

export interface UnpackOptions {
  /** Compressed layer on disk; opened before the call returns. */
  source: string;
  /** Where the file is still being written. */
  growth?: NativeGrowth;
  /** Existing empty folder that receives the layer in overlayfs form. */
  target: string;
  compression: "none" | "gzip" | "zstd";
  /** Caps; breaking one is an error that names the entry. */
  maxEntries: number;
  maxBytes: number;
  maxRatio: number;
  /** The tar may lack its end marker, as some writers leave it; only where its diffID is checked. */
  endOptional?: boolean;
  /** Whether the digest of the file as it stands is wanted. */
  hashSource: boolean;
  /** Threads that fill files, beside the two that decompress and make names. */
  threads: number;
  /** Shared memory for progress: Int32 cell 0 set to 1 cancels; BigInt64 cell 1 counts compressed bytes read. */
  control?: BigInt64Array;
}

export interface UnpackResult {
  /** `sha256:` of the file as it stands, where it was wanted. */
  digest?: string;
  /** `sha256:` of the uncompressed tar. */
  diffId: string;
  entries: number;
  /** Sum of the sizes of regular files. */
  bytes: number;
  compressedBytes: number;
  /** Extended attributes that the file system of the target does not support. */
  skippedXattrs: number;
}

/** One container of the sampler. Paths are cgroup directories; absent ones are not read. */
export interface SamplerTarget {
  /** Row key, chosen by the caller. */
  key: number;
  /** v2 directory: cpu.stat, and what its controllers have. */
  unified?: string;
  cpuacct?: string;
  cpu?: string;
  memory?: string;
  pids?: string;
  blkio?: string;
  /** A process of the container, whose network namespace is read. */
  pid?: number;
}

export interface NativeSampler {
  add(target: SamplerTarget): void;
  remove(key: number): void;
  /** Reads one container now: a row as in `onTick`. */
  read(key: number): Float64Array;
  /** Ends the thread and closes every descriptor. */
  stop(): void;
}

/** The process at the other end of a unix socket. */
export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
  /** Supplementary groups. */
  groups: number[];
}

export interface Addon {
  /**
   * Starts a monitor from an encoded launch plan on a thread of its own; settles with its first report, which has `end`
   * where that is wanted.
   */
  spawnMonitor(monitorPath: string, plan: Uint8Array, wantsEnd?: boolean): Promise<SpawnReport>;
  /**
   * Gives a spare the rest of its plan. The set-up begins within the call, and the program once `commitSpare` was
   * called, too. Settles with the second report; undefined where the spare is gone.
   */
  giveSpare(spare: NativeSpare, plan: Uint8Array, wantsEnd?: boolean): Promise<SpawnReport> | undefined;
  /**
   * Waits for the end, once for each: undefined where the monitor ended without telling it. What is told is on disk
   * before, and the monitor's socket is gone.
   */
  awaitEnd(end: NativeEnd): Promise<EndReport | undefined>;
  /**
   * Waits no more: the promise never settles, and no longer keeps the process alive. Where the end was told, lets the
   * monitor go, which else stays for half a second.
   */
  leaveEnd(end: NativeEnd): void;
  /** The longest plan a spare takes. */
  sparePlanBytes: number;
  commitSpare(spare: NativeSpare): void;
  /** Gives a spare up: its processes end by themselves. Does nothing to one that was committed. */
  dropSpare(spare: NativeSpare): void;
  /** Removes a folder and all in it on a thread of its own, one after the other; what cannot be removed stays. */
  tidy(path: string): void;
  /** Settles once `tidy` has done all that it was asked for. */
  tidied(): Promise<void>;
  /** Compiles an allow-list to a BPF program for seccomp(2). */
  compileSeccomp(defaultErrno: number, rules: SeccompRule[]): Buffer;
  /** Unpacks a layer on threads of its own. */
  unpackLayer(options: UnpackOptions): Promise<UnpackResult>;
  createGrowth(): NativeGrowth;
  /** What unpacks gzip in this build. */
  readonly inflateLibrary: "isa-l" | "zlib";
  /** lgetxattr(2); undefined where the file has no such attribute. */
  getXattr(path: string, name: string): Buffer | undefined;
  /** One thread that wakes on the whole second and hands over one buffer of rows; see native/cgroup/sampler.h. */
  createSampler(onTick: (rows: Float64Array) => void): NativeSampler;
  /** Column names of a sampler row, in order. NaN is absent. */
  samplerColumns: string[];
  /** Whether systemd marked a cgroup as delegated: the xattr trusted.delegate or user.delegate is `1`. */
  isDelegatedCgroup(path: string): boolean;
  /** flock(2) LOCK_EX|LOCK_NB on a CLOEXEC descriptor; -1 where another process holds it. */
  lockFile(path: string): number;
  unlockFile(descriptor: number): void;
  /** CLOCK_BOOTTIME in nanoseconds. */
  boottimeNs(): bigint;
  /** SO_PEERCRED and SO_PEERGROUPS of a connected unix socket: who its peer was when it connected (unix(7)). */
  peerCredentials(descriptor: number): PeerCredentials;
  /** Path of a unix socket, `@` and its name where it is abstract, empty where it has none; undefined for other sockets. */
  unixSocketPath(descriptor: number): string | undefined;
  /** Sends one datagram to a unix socket by its path, or by its abstract name after an `@`; waits for nobody. */
  sendDatagram(path: string, text: string): void;
}

let loaded: Addon | undefined;

/** Repository or package root: two levels above dist/src. */
const packageRoot = new URL("../../", import.meta.url);

/** The static monitor executable of this build, or the one of another build that GRANULE_MONITOR names. */
export const monitorPath: string =
  process.env["GRANULE_MONITOR"] ?? new URL("build/Release/granule-monitor", packageRoot).pathname;

/** The addon; loaded at first use, so that types and the client never need it. */
export function native(): Addon {
  if (loaded) return loaded;
  const path = process.env["GRANULE_ADDON"] ?? new URL("build/Release/granule.node", packageRoot).pathname;
  try {
    loaded = createRequire(import.meta.url)(path) as Addon;
  } catch (thrown) {
    throw new GranuleError("UNAVAILABLE", "the native addon cannot be loaded", {
      path,
      hint: "run `npm run setup`",
      cause: thrown,
    });
  }
  return loaded;
}

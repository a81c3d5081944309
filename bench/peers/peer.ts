import type { Missing } from "../harness/answer.js";
import type { Bench } from "../harness/question.js";

/** One start of the payload, from the call. */
export interface StartTimes {
  /** To the container's first instruction. */
  firstInstructionNs: number;
  /** To the moment at which the caller knows that it has ended. */
  exitSeenNs: number;
}

/** One container made, started and deleted in three calls. */
export interface StepTimes {
  createNs: number;
  /** To the first instruction. */
  startNs: number;
  deleteNs: number;
}

/**
 * One way to run containers, asked the same questions as every other. What a peer has no method for, it is not
 * asked; `close` removes what it made.
 */
export interface Peer {
  /** Stable key, such as `crun`. */
  readonly key: string;
  /** Name and version, as the report shows it. */
  readonly name: string;
  /** What it does and does not do of the work that the others do. */
  readonly does: string;
  /** Runs the payload so many times, one after another, to its end and removal. */
  starts?(count: number): Promise<StartTimes[]>;
  /** The same in three calls. */
  steps?(count: number): Promise<StepTimes[]>;
  /** Runs the payload so many times in so many lanes at once: nanoseconds that all took together. */
  parallel?(count: number, lanes: number): Promise<number>;
  /** Runs the payload so many times in a container that runs already. */
  execs?(count: number): Promise<StartTimes[]>;
  /** The command that runs another command in a container, with its output as the runtime's own. */
  flood?(command: string[]): string[];
  close(): Promise<void>;
}

/**
 * Who mounts the container's root. `plain`: nobody, it is a folder. `inside`: the caller mounts an overlay with a fresh upper
 * folder for each start, and the clock runs. `before`: the same, and the clock does not.
 */
export type Root = "plain" | "inside" | "before";

export const rootText: Record<Root, string> = {
  plain: "plain folder as root",
  inside: "overlay root, mounted by its caller with the clock running",
  before: "overlay root, mounted by its caller before the clock runs",
};

/** What every peer runs in: the same root file system with the payload in it. */
export interface PeerHost {
  bench: Bench;
  /** Scratch folder of this question. */
  folder: string;
  rootfs: string;
  /** The limits of every container, where this ground can enforce them; empty where it cannot. */
  limits: { cpus?: number; memory?: number; pids?: number };
}

/** The payload as a container calls it. */
export const payload = "/payload";

/** Opens a peer, or says why it is not measured. */
export type OpenPeer = (host: PeerHost) => Promise<Peer | Missing>;

export const isMissing = (peer: Peer | Missing): peer is Missing => !("close" in peer);

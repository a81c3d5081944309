/** One way to start a container, asked the same question as every other. */
export interface Peer {
  /** Name and version, as the report shows it. */
  readonly name: string;
  /** Starts the payload so many times, one after another: nanoseconds from the call to its first instruction. */
  batch(count: number): Promise<number[]>;
  /** Removes what it made. */
  close(): Promise<void>;
}

/** What every peer runs in: the same root file system with the payload at /stamp. */
export interface PeerHost {
  /** Scratch folder of this run. */
  folder: string;
  rootfs: string;
  /** The C program that starts a command again and again, and times it. */
  spawnLoop: string;
  /** Where `--install-peers` put newer releases; looked at before PATH. */
  installed: string;
}

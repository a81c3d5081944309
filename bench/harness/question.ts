import type { Measure, Missing } from "./answer.js";

/** What a question may be asked with. */
export interface BenchOptions {
  /** Peers by name, in the order of the report. */
  peers: string[];
  /** Values of each subject, in place of the question's own number. */
  count?: number;
  /** Fewer values, for a first look. */
  short: boolean;
  /** Where scratch folders are made. */
  folder: string;
}

/** What a question is handed. */
export interface Bench {
  readonly options: BenchOptions;
  /** A scratch folder of this question's own, removed at its end. */
  readonly folder: string;
  /** How many values to take: what the user asked for, or else one of these. */
  count(full: number, short: number): number;
  /** Tells how far it is. */
  progress(text: string): void;
  /** A sentence that belongs below the tables. */
  note(text: string): void;
  /** Names a subject that cannot be measured here. */
  missing(entry: Missing): void;
  /** Has something undone when the question is over, however it ends; the last one first. */
  defer(undo: () => unknown): void;
}

/** One file of bench/ exports one, as `question`; questions.ts names the file. */
export interface Question {
  /** The question in one line. */
  asks: string;
  /**
   * `private`: in a mount namespace where /sys/fs/cgroup is cgroup2 alone, on hybrid hosts too, as OCI runtimes need it.
   * `host`: with the host's own hierarchies, as limits need them.
   */
  ground: "private" | "host";
  /** Runs in a process of its own: no question inherits another's heap, descriptors or environment. */
  run(bench: Bench): Promise<Measure[]>;
}

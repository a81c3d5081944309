/**
 * What a question answers, and what a run of several is written down as. Types only: this is the shape of the JSON
 * result, which `--compare` reads back.
 */

/** Of every value of a measure. `cores` are CPU seconds a second, `share` is 1 for all of it. */
export type Unit = "ns" | "bytes" | "bytes/s" | "/s" | "cores" | "share" | "count";

/** One subject's values, in the order in which they were taken. Nothing is dropped. */
export interface Series {
  /** Stable key of the subject, such as `crun`. */
  subject: string;
  /** As it is shown: name and version. */
  name: string;
  /** What this subject does and does not do of the work that the others do. */
  does?: string;
  /** Where on the measure's axis it stands, such as the number of containers. */
  at?: number;
  /** Values batch by batch: batches of all subjects took turns. */
  batches: number[][];
}

/** One quantity, of every subject that has it. */
export interface Measure {
  /** Stable key, `question.quantity`. */
  key: string;
  title: string;
  unit: Unit;
  better: "lower" | "higher";
  /** The subject that ratios are made to; without one there are no ratios. */
  reference?: string;
  /** What `at` of the series counts. */
  axis?: string;
  series: Series[];
}

/** A subject that could not be measured here, and why. */
export interface Missing {
  subject: string;
  reason: string;
}

/** The state of the machine while a question was asked. */
export interface Ground {
  cgroup: string;
  folder: string;
  /** Load averages of one minute. */
  loadBefore: number;
  loadAfter: number;
  /** Share of the time in which some process waited for a CPU; absent where the kernel does not tell (PSI). */
  cpuPressure?: number;
  seconds: number;
}

export interface Answer {
  question: string;
  /** The question in words. */
  asks: string;
  measures: Measure[];
  missing: Missing[];
  notes: string[];
  ground: Ground;
}

/** A question that came to no answer. */
export interface Failure {
  question: string;
  error: string;
}

/** What a result belongs to: kernel, processor, versions and so on, by name. */
export type Host = Record<string, string | number | boolean>;

export interface Result {
  format: "granule-bench-1";
  startedAt: string;
  /** Arguments that repeat it. */
  command: string[];
  host: Host;
  answers: Answer[];
  failures: Failure[];
}

/** All values of a series in one list. */
export const valuesOf = (series: Series): number[] => series.batches.flat();

import { homedir } from "node:os";
import { join } from "node:path";

/** How registries are spoken to. Every figure has a default; tests and embedders change some. */
export interface RegistrySettings {
  /** Where proxies, the home folder and credential files are looked up. */
  environment: NodeJS.ProcessEnv;
  /** Mirrors, rewrites and exceptions; see configuration.ts. */
  configurationFile: string;
  /** Folders in the form of docker's certs.d; the first that has an entry for the host counts. */
  certificateFolders: string[];
  /** Blobs of one pull under way at once. */
  parallelBlobs: number;
  /** Ranges of one blob under way at once, and the size from which on a blob is split. */
  parallelRanges: number;
  splitFromBytes: number;
  /** A further range is begun each time that a blob gained less than this speed for so long; 0: all at once. */
  rangeAfterMs: number;
  fastBytesPerSecond: number;
  /** How long a range is at most: readers follow the blob from its start, and what lies ahead of them is of no use yet. */
  rangeBytes: number;
  /** How often a request is made before its failure is told, pauses between, and the longest Retry-After obeyed. */
  attempts: number;
  firstPauseMs: number;
  longestPauseMs: number;
  longestRetryAfterMs: number;
  connectMs: number;
  headersMs: number;
  /** A body that brings less than so many bytes within so long is cut and asked for anew. */
  slowWindowMs: number;
  slowWindowBytes: number;
}

export function defaultSettings(environment: NodeJS.ProcessEnv = process.env): RegistrySettings {
  const config = environment["XDG_CONFIG_HOME"] || join(environment["HOME"] || homedir(), ".config");
  return {
    environment,
    configurationFile: environment["GRANULE_REGISTRIES"] || "/etc/granule/registries.json",
    certificateFolders: [
      join(config, "containers/certs.d"),
      "/etc/granule/certs.d",
      "/etc/containers/certs.d",
      "/etc/docker/certs.d",
    ],
    parallelBlobs: 4,
    parallelRanges: 4,
    splitFromBytes: 64 * 1024 * 1024,
    rangeAfterMs: 200,
    fastBytesPerSecond: 64_000_000,
    rangeBytes: 16 * 1024 * 1024,
    attempts: 6,
    firstPauseMs: 250,
    longestPauseMs: 8000,
    longestRetryAfterMs: 60_000,
    connectMs: 10_000,
    headersMs: 30_000,
    slowWindowMs: 20_000,
    slowWindowBytes: 8 * 1024,
  };
}

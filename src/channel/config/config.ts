import type { AccessRules } from "../auth/rules.js";
import type { ChannelLimits } from "../limits.js";
import type { ListenAddress } from "../listen/address.js";
import type { TlsFiles } from "../listen/tls.js";
import type { LogLevel } from "../log.js";

/** A place to listen at, beside the control socket of the state directory. */
export interface ListenEntry {
  address: ListenAddress;
  /** Group that may connect to a unix socket; that of the server unless told. */
  gid?: number;
}

/** Everything that `granule serve` is told, checked. */
export interface ServiceConfig {
  root?: string;
  state?: string;
  logLevel: LogLevel;
  listen: ListenEntry[];
  tls?: TlsFiles;
  /** Plain TCP on loopback was asked for. */
  insecure: boolean;
  access: AccessRules;
  limits: Partial<ChannelLimits>;
  /** How long requests in flight may take once the server was told to go. */
  drainMs: number;
}

/** Settings of the command line, as they were given. */
export interface ConfigFlags {
  config?: string;
  listen?: string[];
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  insecure?: boolean;
  allowOrigin?: string[];
  logLevel?: string;
  /** Seconds. */
  drain?: number;
}

export const DEFAULT_CONFIG_FILE = "/etc/granule/granule.yaml";
export const DEFAULT_DRAIN_SECONDS = 10;
export const LONGEST_DRAIN_SECONDS = 3600;

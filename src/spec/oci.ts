import type { CapabilityName } from "./linux/capabilities.js";
import type { NamespaceType } from "./linux/namespaces.js";
import type { RlimitType } from "./linux/rlimits.js";

/**
 * The part of the OCI runtime specification 1.2 (config.md, config-linux.md) that granule produces. The system call
 * filter is named in `annotations` and not written out: its list depends on the granule version, not on the container.
 */
export interface OciSpec {
  ociVersion: "1.2.0";
  process: OciProcess;
  root: { path: string; readonly: boolean };
  hostname?: string;
  /** In the order in which they are made. */
  mounts: OciMount[];
  linux: OciLinux;
  annotations: Record<string, string>;
}

export interface OciProcess {
  terminal: boolean;
  consoleSize?: { height: number; width: number };
  user: OciUser;
  args: string[];
  env: string[];
  cwd: string;
  capabilities: OciCapabilities;
  rlimits: OciRlimit[];
  noNewPrivileges: boolean;
  oomScoreAdj?: number;
}

export interface OciUser {
  uid: number;
  gid: number;
  umask: number;
  additionalGids: number[];
}

export interface OciCapabilities {
  bounding: CapabilityName[];
  effective: CapabilityName[];
  permitted: CapabilityName[];
  inheritable: CapabilityName[];
  ambient: CapabilityName[];
}

/** -1 stands for no limit. */
export interface OciRlimit {
  type: RlimitType;
  soft: number;
  hard: number;
}

export interface OciMount {
  destination: string;
  /** File system type; `bind` for a bind mount. */
  type: string;
  source: string;
  options: string[];
}

export interface OciLinux {
  namespaces: { type: NamespaceType; path?: string }[];
  devices: OciDevice[];
  maskedPaths: string[];
  readonlyPaths: string[];
  sysctl: Record<string, string>;
  cgroupsPath?: string;
  resources: { devices: OciDeviceRule[] };
}

export interface OciDevice {
  path: string;
  type: "c" | "b";
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
}

/** Absent major or minor means any. Letters of `access`: r, w, m. */
export interface OciDeviceRule {
  allow: boolean;
  type: "a" | "c" | "b";
  major?: number;
  minor?: number;
  access: string;
}

/** Annotation that names the system call filter: `default` or `unconfined`. */
export const SECCOMP_ANNOTATION = "granule.seccomp";
/** Annotation that lists the rlimits, comma-separated, which must hold or fail the start. */
export const REQUIRED_RLIMITS_ANNOTATION = "granule.rlimits.required";

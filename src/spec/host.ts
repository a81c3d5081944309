import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type CapabilityName, capabilityNames } from "./linux/capabilities.js";

/** What a container's spec depends on beside its options and its image; read once a process. */
export interface HostFacts {
  /** Capabilities that this process holds, and can therefore give. */
  capabilities: ReadonlySet<CapabilityName>;
  hostname: string;
  /** oom_score_adj of this process, which a container would inherit. */
  oomScoreAdj: number;
  /** Per-CPU thermal counters that tell one tenant of another's load. */
  thermalPaths: readonly string[];
}

const CPU_FOLDER = "/sys/devices/system/cpu";

let known: HostFacts | undefined;

/** The host as this process sees it, from /proc/self and /sys. */
export function hostFacts(): HostFacts {
  known ??= {
    capabilities: permittedCapabilities(readFileSync("/proc/self/status", "latin1")),
    hostname: hostname(),
    oomScoreAdj: Number(readFileSync("/proc/self/oom_score_adj", "latin1")),
    thermalPaths: thermalPaths(),
  };
  return known;
}

/** Reads the CapPrm line of /proc/<pid>/status (proc_pid_status(5)). */
export function permittedCapabilities(status: string): ReadonlySet<CapabilityName> {
  const bits = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return new Set(capabilityNames.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n));
}

function thermalPaths(): string[] {
  if (!existsSync(CPU_FOLDER)) return [];
  return readdirSync(CPU_FOLDER)
    .filter((entry) => /^cpu\d+$/.test(entry))
    .map((entry) => `${CPU_FOLDER}/${entry}/thermal_throttle`)
    .filter((path) => existsSync(path));
}

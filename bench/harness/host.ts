import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { type CgroupHost, controllers, detectCgroupHost } from "../../src/cgroup/host.js";
import type { Host } from "./answer.js";
import { packageRoot } from "./paths.js";

const text = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** The host and versions that a result belongs to. What it does not tell is said to be unknown. */
export function describeHost(): Host {
  const { model } = cpus()[0] ?? {};
  return {
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(text("/etc/os-release") ?? "")?.[1] ?? "unknown",
    architecture: arch(),
    cpu: model ?? "unknown",
    cpus: cpus().length,
    governor: text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") ?? "unknown",
    virtualMachine: / hypervisor( |$)/m.test(text("/proc/cpuinfo") ?? ""),
    memoryBytes: totalmem(),
    cgroup: cgroupText(),
    load: loadNow(),
    node: process.versions.node,
    granule: granuleVersion(),
    clockNs: clockOverheadNs(),
  };
}

function granuleVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("package.json", packageRoot), "utf8")) as { version: string };
  try {
    const git = ["-C", packageRoot.pathname, "describe", "--always", "--dirty", "--exclude", "*"];
    return `${version} (${execFileSync("git", git, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()})`;
  } catch {
    return version; // installed from a package
  }
}

/** The cgroup mode with the controllers of each version, such as `hybrid; v1: cpu memory`. */
export function cgroupText(host: CgroupHost = detectCgroupHost()): string {
  const groups = (["v2", "v1", "absent"] as const).map((version) => {
    const names = controllers.filter((name) => host.bindings[name].version === version);
    return names.length === 0 ? "" : `; ${version}: ${names.join(" ")}`;
  });
  return host.mode + groups.join("");
}

/** What one reading of the clock costs in JavaScript: half of it lies in each value of granule's own. */
function clockOverheadNs(): number {
  const rounds = 20_000;
  for (let i = 0; i < rounds; i++) process.hrtime.bigint();
  const before = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) process.hrtime.bigint();
  return Number(process.hrtime.bigint() - before) / rounds;
}

const fileSystems: Record<number, string> = {
  61267: "ext4",
  16914836: "tmpfs",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlay",
  801189825: "zfs",
};

/** A folder with the file system it is on (statfs(2), f_type). */
export function folderText(folder: string): string {
  const { type } = statfsSync(folder);
  return `${folder} (${fileSystems[type] ?? `file system 0x${type.toString(16)}`})`;
}

export const loadNow = (): number => loadavg()[0] ?? Number.NaN;

/** Microseconds in which some process waited for a CPU since boot; undefined without PSI. */
export function cpuStallUsec(): number | undefined {
  const total = /^some .*total=(\d+)/m.exec(text("/proc/pressure/cpu") ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}

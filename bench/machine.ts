import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** The host and versions that a figure belongs to. */
export function machine(): Record<string, unknown> {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  return {
    kernel: release(),
    system,
    node: process.versions.node,
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
    memoryBytes: totalmem(),
  };
}

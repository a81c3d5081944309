import type { Limits } from "../api.js";
import { GranuleError } from "../errors.js";
import type { CgroupHost, Controller, ControllerBinding } from "./host.js";

interface Requirement {
  limit: keyof Limits;
  controller: Controller;
  /** Whether granule enforces it where a v1 hierarchy owns the controller. */
  v1: boolean;
}

/** Which controller each limit stands on. */
export const requirements: readonly Requirement[] = [
  { limit: "cpus", controller: "cpu", v1: true },
  { limit: "memory", controller: "memory", v1: true },
  { limit: "memoryHigh", controller: "memory", v1: false },
  { limit: "memoryLow", controller: "memory", v1: false },
  { limit: "pids", controller: "pids", v1: true },
  { limit: "cpuset", controller: "cpuset", v1: true },
  { limit: "io", controller: "io", v1: false },
  { limit: "ioWeight", controller: "io", v1: false },
  { limit: "spot", controller: "cpu", v1: false },
  { limit: "cpuBurstUsec", controller: "cpu", v1: false },
];

const v2Hint = "boot with cgroup_no_v1=all (with systemd also systemd.unified_cgroup_hierarchy=1)";

function unsupported(limit: string, controller: Controller, binding: ControllerBinding): GranuleError {
  const details = { limit, controller, binding: binding.version };
  if (binding.version === "v1") {
    const message = `${limit} needs the ${controller} controller on cgroup v2, and cgroup v1 holds it`;
    return new GranuleError("UNSUPPORTED", `${message} at ${binding.mount}`, {
      hint: v2Hint,
      path: binding.mount,
      details: { ...details, mount: binding.mount },
    });
  }
  return new GranuleError("UNSUPPORTED", `${limit} needs the ${controller} controller, and the host offers none`, {
    hint:
      `boot without cgroup_disable=${controller === "io" ? "blkio" : controller}` +
      (controller === "memory" ? " (on some kernels with cgroup_enable=memory)" : "") +
      "; in a delegated unit or a container, have the controller delegated",
    details,
  });
}

/** Whether a limit is asked for at all: `false` and empty lists ask for nothing. */
const asked = (value: Limits[keyof Limits]) =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/**
 * Refuses the limits that this host cannot enforce.
 * @throws GranuleError UNSUPPORTED, naming the controller, where it is bound and the boot option that mends it
 */
export function requireSupport(limits: Limits, host: CgroupHost): void {
  for (const { limit, controller, v1 } of requirements) {
    const binding = host.bindings[controller];
    if (!asked(limits[limit]) || binding.version === "v2" || (binding.version === "v1" && v1)) continue;
    throw unsupported(limit, controller, binding);
  }
}

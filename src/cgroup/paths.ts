import type { Controller } from "./host.js";

/** A container's cgroup in each hierarchy: the v2 one always, v1 ones where its limits needed them. */
export interface CgroupPaths {
  unified: string;
  cpu?: string;
  cpuset?: string;
  memory?: string;
  pids?: string;
}

/** The folder that holds a controller's files for a container. granule uses io on v2 alone. */
export function directoryOf(paths: CgroupPaths, controller: Controller): string {
  return (controller === "io" ? undefined : paths[controller]) ?? paths.unified;
}

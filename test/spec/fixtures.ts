import type { CreateOptions, ImageConfig } from "../../src/api.js";
import { buildContainerSpec, type ContainerSpec, type ResolvedUser } from "../../src/spec/container-spec.js";
import type { HostFacts } from "../../src/spec/host.js";
import { capabilityNames } from "../../src/spec/linux/capabilities.js";
import type { LaunchContext } from "../../src/spec/plan.js";

export const id = "0123456789abcdef0123456789abcdef";

export const image: ImageConfig = {
  entrypoint: [],
  cmd: ["/bin/sh"],
  env: [],
  workingDir: "",
  user: "",
  volumes: [],
  labels: {},
};

export const root: ResolvedUser = { uid: 0, gid: 0, additionalGids: [], home: "/root" };

export const host: HostFacts = {
  capabilities: new Set(capabilityNames),
  hostname: "machine",
  oomScoreAdj: 0,
  thermalPaths: [],
};

/** A container of the image above, changed as a test needs it. */
export function specOf(
  options: Partial<CreateOptions> = {},
  more: { image?: Partial<ImageConfig>; user?: ResolvedUser; host?: Partial<HostFacts> } = {},
): ContainerSpec {
  return buildContainerSpec({
    id,
    options: { image: "i", ...options },
    image: { ...image, ...more.image },
    user: more.user ?? root,
    host: { ...host, ...more.host },
  });
}

export const context: LaunchContext = {
  root: { kind: "overlay", upper: "/c/upper", work: "/c/work", layers: ["/l/top", "/l/bottom"] },
  socketPath: "/run/c.sock",
  log: { path: "/c/log", maxBytes: 1 << 20, maxFiles: 3 },
  exitRecordPath: "/c/exit",
  cgroups: { unified: "/cg/c", joins: ["/v1/cpu/c", "/v1/memory/c"], monitors: "/cg/monitors" },
  deviceFilter: true,
  stdin: false,
  startNow: true,
};

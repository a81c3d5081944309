import type { ImageConfig } from "../api.js";
import type { CgroupTree } from "../cgroup/tree.js";
import type { ResolvedUser } from "../image/user.js";
import type { Behind } from "../state/behind.js";
import type { ContainerStore } from "../state/container-store.js";
import type { Directories } from "../state/directories.js";
import type { Bursts } from "./bursts.js";
import type { EventLog } from "./events.js";
import type { Metering } from "./metering.js";
import type { PlanTemplates } from "./plan-templates.js";
import type { Spares } from "./spares.js";
import type { Trash } from "./trash.js";

/** An image as a launch needs it. */
export interface LaunchImage {
  id: string;
  config: ImageConfig;
  /** Layer folders in overlayfs form, topmost first. */
  layers: string[];
  /** Those looked up so far, by the name that was asked for. */
  users: Map<string, ResolvedUser>;
  plans: PlanTemplates;
}

/** What the containers of one runtime share. */
export interface Services {
  readonly directories: Directories;
  readonly store: ContainerStore;
  readonly events: EventLog;
  readonly cgroups: CgroupTree;
  readonly metering: Metering;
  readonly trash: Trash;
  readonly bursts: Bursts;
  readonly behind: Behind;
  readonly spares: Spares;
  /** @throws GranuleError NOT_FOUND */
  resolveImage(nameOrId: string): LaunchImage;
  /** Tells the operator of something that failed where no caller waits. */
  warn(what: string, thrown: unknown): void;
}

import { detectCgroupHost } from "../../src/cgroup/host.js";
import type { Question } from "./question.js";

const freshCgroups = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && ";

/**
 * The command line that runs a command on a ground. On the private one a mount that is left behind goes with its mount
 * namespace; and crun and runc refuse hosts that mount both cgroup versions, so that there a fresh cgroup2 mount and
 * nothing else stands in place of both: all peers shall stand on the same ground.
 */
export function onGround(ground: Question["ground"], command: string[]): [command: string, ...args: string[]] {
  const [first = "", ...rest] = command;
  if (ground === "host") return [first, ...rest];
  const prepare = detectCgroupHost().mode === "hybrid" ? freshCgroups : "";
  return ["unshare", "-m", "--propagation", "private", "sh", "-c", `${prepare}exec "$@"`, "-", ...command];
}

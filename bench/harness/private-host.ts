import { detectCgroupHost } from "../../src/cgroup/host.js";
import type { Question } from "./question.js";

const script = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';

/**
 * The command line that runs a command on a ground. crun and runc refuse hosts that mount both cgroup versions, so that
 * there a private mount namespace has a fresh cgroup2 mount and nothing else: all peers shall stand on the same ground.
 */
export function onGround(ground: Question["ground"], command: string[]): [command: string, ...args: string[]] {
  const inner: string[] =
    ground === "private" && detectCgroupHost().mode === "hybrid"
      ? ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "-", ...command]
      : command;
  const [first = "", ...rest] = inner;
  return [first, ...rest];
}

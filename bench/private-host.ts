import { spawnSync } from "node:child_process";

const marker = "GRANULE_BENCH_PRIVATE";

/**
 * Runs this command once more in a mount namespace of its own, where /sys/fs/cgroup is a fresh cgroup2 mount and nothing else: crun and
 * runc refuse hosts that mount both versions, and all peers shall stand on the same ground. True inside; outside it
 * returns false once the inner run has ended.
 */
export function enterPrivateHost(): boolean {
  if (process.env[marker] === "1") return true;
  const script = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const inner = spawnSync("unshare", ["-m", "--propagation", "private", "sh", "-c", script, "-", ...self], {
    stdio: "inherit",
    env: { ...process.env, [marker]: "1" },
  });
  process.exitCode = inner.status ?? 1;
  return false;
}

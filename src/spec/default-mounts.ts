import type { OciMount } from "./oci.js";

const MiB = 1024 * 1024;

/** Size of /dev/shm, as docker's default. */
const SHM_BYTES = 64 * MiB;

/** gid of the group `tty`, which owns terminals on every common distribution. */
const TTY_GID = 5;

/**
 * The file systems every container has (config-linux.md, Default Filesystems). With the host's network the host's
 * /sys is bound: sysfs shows the network devices of the namespace it was mounted in.
 */
export function defaultMounts(hostNetwork: boolean): OciMount[] {
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", `gid=${TTY_GID}`],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${SHM_BYTES / 1024}k`],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    hostNetwork
      ? { destination: "/sys", type: "bind", source: "/sys", options: ["bind", "nosuid", "noexec", "nodev", "ro"] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup2",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "ro"],
    },
  ];
}

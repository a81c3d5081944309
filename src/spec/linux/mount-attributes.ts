/** Mount attributes of fsmount(2) and mount_setattr(2), from linux/mount.h. */
export const MOUNT_ATTR_RDONLY = 0x00000001;
export const MOUNT_ATTR_NOSUID = 0x00000002;
export const MOUNT_ATTR_NODEV = 0x00000004;
export const MOUNT_ATTR_NOEXEC = 0x00000008;
export const MOUNT_ATTR_NOATIME = 0x00000010;
export const MOUNT_ATTR_STRICTATIME = 0x00000020;
export const MOUNT_ATTR_NODIRATIME = 0x00000080;
export const MOUNT_ATTR_NOSYMFOLLOW = 0x00200000;

/** Mount options that are attributes of the mount; any other option belongs to the file system. */
export const mountAttributes: ReadonlyMap<string, number> = new Map([
  ["ro", MOUNT_ATTR_RDONLY],
  ["nosuid", MOUNT_ATTR_NOSUID],
  ["nodev", MOUNT_ATTR_NODEV],
  ["noexec", MOUNT_ATTR_NOEXEC],
  ["noatime", MOUNT_ATTR_NOATIME],
  ["strictatime", MOUNT_ATTR_STRICTATIME],
  ["nodiratime", MOUNT_ATTR_NODIRATIME],
  ["nosymfollow", MOUNT_ATTR_NOSYMFOLLOW],
]);

/** Operation numbers of the launch plan, the same as `enum class Op` in native/launch/plan.h; a test compares them. */
export const Op = {
  Namespaces: 1,
  Cgroup: 2,
  CgroupJoin: 3,
  Socket: 4,
  Log: 5,
  ExitRecord: 6,
  Stdio: 7,
  Start: 8,
  OomScore: 9,
  SetNamespaces: 10,
  MonitorCgroup: 11,
  DeviceFilter: 12,

  RootOverlay: 32,
  RootBind: 33,
  Mount: 34,
  Bind: 35,
  Device: 36,
  Symlink: 37,
  Directory: 38,
  Mask: 39,
  ReadOnlyPath: 40,
  WriteFile: 41,
  RootReadOnly: 42,
  Console: 43,
  PivotRoot: 44,
  Hostname: 45,
  LoopbackUp: 46,
  Sysctl: 47,
  Rlimit: 48,
  Capabilities: 49,
  User: 50,
  WorkingDir: 51,
  NoNewPrivileges: 52,
  Seccomp: 53,
  Umask: 54,
  Exec: 55,
  Volume: 56,

  StageRoot: 57,
  Standby: 58,
  Adopt: 59,
} as const;

export type OpName = keyof typeof Op;
export type OpNumber = (typeof Op)[OpName];

/** First eight bytes of every plan. */
export const PLAN_MAGIC = "GRNPLAN1";

#pragma once

#include <cstdint>

namespace granule {

/// The launch plan: a flat list of operations that TypeScript encodes (src/spec/plan.ts) and native code executes in
/// order, knowing no defaults.
///
///   header   8 bytes magic "GRNPLAN1", u32 total bytes, u32 operation count
///   op       u32 kind, u32 payload bytes (a multiple of 8), payload
///   payload  u64 count of numbers, the numbers (u64), then strings one after the other, each ended by NUL,
///            zero-padded to a multiple of 8; Seccomp alone carries raw bytes in place of strings
///
/// All little-endian, every op aligned to 8. Paths called "inside" are resolved in the new root by openat2 with
/// RESOLVE_IN_ROOT; "host" paths are the host's. Strings are listed behind the numbers: `numbers | strings`.
enum class Op : std::uint32_t {
  // Read by the addon and the monitor before the clone.
  Namespaces = 1,  ///< clone flags (CLONE_NEW*) |
  Cgroup = 2,      ///< | host path of the v2 cgroup the child is cloned into
  CgroupJoin = 3,  ///< | host path of a v1 cgroup; the child joins it before exec. One op a hierarchy
  Socket = 4,      ///< | host path of the monitor's control socket
  Log = 5,         ///< max bytes, max files (0: no rotation) | host path; absent: output goes to attachments only
  ExitRecord = 6,  ///< | host path of the exit record
  Stdio = 7,       ///< terminal 0/1, keep stdin open 0/1, rows, columns |
  Start = 8,       ///< 1: exec at once; 0: wait for the start request |
  OomScore = 9,    ///< oom_score_adj + 1000 |
  SetNamespaces =
      10,  ///< pid, start time in clock ticks (stat field 22), namespaces to join as CLONE_NEW* | . For exec
  MonitorCgroup = 11,  ///< | host path of the v2 leaf that the monitor itself is spawned into
  DeviceFilter = 12,   ///< default allow 0/1, then 5 numbers a rule: allow 0/1, type ('c' 'b' 'a'), major, minor (-1 =
                       ///< any), access bits (1 mknod, 2 read, 4 write) |

  // Executed by the child, in the order of the plan.
  RootOverlay = 32,  ///< mount attributes (MOUNT_ATTR_*) | upper, work, lower folders topmost first (host). Empty
                     ///< upper: read-only
  RootBind = 33,     ///< mount attributes | host folder
  Mount = 34,        ///< mount attributes | type, source, inside target, comma-separated options for fsconfig
  Bind = 35,    ///< mount attributes, recursive 0/1 | host source, inside target (made as file or folder where missing)
  Device = 36,  ///< mode incl. S_IFCHR/S_IFBLK, major, minor, uid, gid | inside path. Verified once made
  Symlink = 37,       ///< | link content, inside path; EEXIST is fine
  Directory = 38,     ///< mode | inside path; EEXIST is fine
  Mask = 39,          ///< | inside path: a file gets /dev/null, a folder a read-only empty tmpfs; ENOENT is fine
  ReadOnlyPath = 40,  ///< | inside path, remounted read-only; ENOENT is fine
  WriteFile = 41,  ///< mode, mount attributes | inside path, content. Covers a file that is there by a mount once /dev
                   ///< is a tmpfs; makes a missing one
  RootReadOnly = 42,     ///< |
  Console = 43,          ///< | inside path (/dev/console) where the terminal is bound; empty: opened only
  PivotRoot = 44,        ///< |
  Hostname = 45,         ///< | name
  LoopbackUp = 46,       ///< |
  Sysctl = 47,           ///< | name with slashes, value; through a private procfs
  Rlimit = 48,           ///< resource, soft, hard, required 0/1 (0: EPERM lowers to what is possible) |
  Capabilities = 49,     ///< bounding, effective, permitted, inheritable, ambient as bit sets |
  User = 50,             ///< uid, gid, additional gids... |
  WorkingDir = 51,       ///< create 0/1 | inside path
  NoNewPrivileges = 52,  ///< |
  Seccomp = 53,          ///< | raw struct sock_filter program
  Umask = 54,            ///< mask |
  Volume = 56,           ///< | inside path, made a folder where missing, that stays writable after RootReadOnly
  Exec = 55,  ///< argc | argv..., then env... ; argv[0] is looked up in env's PATH where it has no slash. Last op

  // A spare: a plan of its own for what every container has, made before anybody asks for one.
  StageRoot = 57,  ///< | host folder that a tmpfs covers, which stands in for the root until there is one
  Standby = 58,    ///< | . Last op of a spare's plan: the rest comes as a second plan
  Adopt = 59,      ///< | inside path, where everything that was mounted there while staged moves to, in the real root
};

inline constexpr char kPlanMagic[8] = {'G', 'R', 'N', 'P', 'L', 'A', 'N', '1'};

}  // namespace granule

#include "launch/report.h"

namespace granule {

const char* stepName(std::uint32_t step) {
  switch (static_cast<Step>(step)) {
    case Step::ReadPlan:
      return "read plan";
    case Step::MonitorExec:
      return "exec monitor";
    case Step::Clone:
      return "clone";
    case Step::Private:
      return "make mounts private";
    case Step::CgroupNamespace:
      return "cgroup namespace";
    case Step::Pipe:
      return "pipe";
    case Step::Join:
      return "join cgroup";
    case Step::TargetGone:
      return "enter process";
    case Step::MonitorDied:
      return "monitor";
    case Step::Abandoned:
      return "abandoned spare";
  }
  switch (static_cast<Op>(step)) {
    case Op::Namespaces:
      return "namespaces";
    case Op::Cgroup:
      return "cgroup";
    case Op::CgroupJoin:
      return "join cgroup";
    case Op::Socket:
      return "socket";
    case Op::Log:
      return "log";
    case Op::ExitRecord:
      return "exit record";
    case Op::Stdio:
      return "stdio";
    case Op::Start:
      return "start";
    case Op::OomScore:
      return "oom score";
    case Op::SetNamespaces:
      return "enter namespaces";
    case Op::MonitorCgroup:
      return "monitor cgroup";
    case Op::DeviceFilter:
      return "device filter";
    case Op::RootOverlay:
      return "overlay";
    case Op::RootBind:
      return "root bind";
    case Op::Mount:
      return "mount";
    case Op::Bind:
      return "bind mount";
    case Op::Device:
      return "device";
    case Op::Symlink:
      return "symlink";
    case Op::Directory:
      return "directory";
    case Op::Mask:
      return "mask";
    case Op::ReadOnlyPath:
      return "read-only path";
    case Op::WriteFile:
      return "write file";
    case Op::RootReadOnly:
      return "read-only root";
    case Op::Console:
      return "console";
    case Op::PivotRoot:
      return "pivot_root";
    case Op::Hostname:
      return "hostname";
    case Op::LoopbackUp:
      return "loopback";
    case Op::Sysctl:
      return "sysctl";
    case Op::Rlimit:
      return "rlimit";
    case Op::Capabilities:
      return "capabilities";
    case Op::User:
      return "user";
    case Op::WorkingDir:
      return "working directory";
    case Op::NoNewPrivileges:
      return "no_new_privs";
    case Op::Seccomp:
      return "seccomp";
    case Op::Umask:
      return "umask";
    case Op::Volume:
      return "volume";
    case Op::StageRoot:
      return "stage";
    case Op::Standby:
      return "standby";
    case Op::Adopt:
      return "adopt mounts";
    case Op::Exec:
      return "exec";
  }
  return "unknown";
}

}  // namespace granule

#include "monitor/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>

#include "kernel/syscalls.h"
#include "launch/child/child.h"
#include "monitor/process_stat.h"

namespace granule {

namespace {

struct Pipe {
  Fd read;
  Fd write;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = Fd(ends[0]);
    write = Fd(ends[1]);
    return true;
  }
};

/// Opens the process to enter and its pid namespace for the child to come.
Fd openTarget(const Config& config, Report& report) {
  Fd target(kernel::pidfd_open(config.target));
  // Compared once the pidfd is held: from here on the pid cannot become another's.
  if (!target.valid() || startTicks(config.target) != config.targetStartTicks) {
    report.fail(Step::TargetGone, ESRCH, "pid");
    return Fd();
  }
  if ((config.enterFlags & CLONE_NEWPID) != 0 && ::setns(target.get(), CLONE_NEWPID) != 0) {
    report.fail(Op::SetNamespaces, errno, "setns");
    return Fd();
  }
  return target;
}

}  // namespace

bool joinHierarchies(const PlanView& plan, pid_t pid, Report& report) {
  char digits[16];
  const int length = std::snprintf(digits, sizeof digits, "%d", pid);
  plan.each([&](const OpView& op) {
    if (op.kind() != Op::CgroupJoin) return true;
    char path[PATH_MAX];
    std::snprintf(path, sizeof path, "%s/cgroup.procs", op.first());
    const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file.valid() || ::write(file.get(), digits, static_cast<std::size_t>(length)) != length) {
      report.fail(Step::Join, errno, path);
      return false;
    }
    return true;
  });
  return report.error == 0;
}

Spawned spawn(const PlanView& plan, const Config& config, const Standby& standby, Report& report) {
  Spawned spawned;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    report.fail(Step::Pipe, errno, "socketpair");
    return spawned;
  }
  spawned.sync = Fd(pair[0]);
  const Fd childSync(pair[1]);

  Pipe input;
  Pipe output;
  Pipe errors;
  Fd null;
  if (!config.terminal) {
    const bool opened = output.open() && errors.open() && ((!config.keepsStdin && !config.standsBy) || input.open());
    null = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!opened || !null.valid()) {
      report.fail(Step::Pipe, errno, "pipe");
      return spawned;
    }
  }
  Fd target;
  if (config.enters) {
    target = openTarget(config, report);
    if (!target.valid()) return spawned;
  }
  Fd cgroup;
  if (config.cgroup != nullptr) {
    cgroup = Fd(::open(config.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup.valid()) {
      report.fail(Op::Cgroup, errno, config.cgroup);
      return spawned;
    }
  }
  Fd hostNamespace;
  if (standby.used() && !config.enters) {
    const char* path = "/proc/self/ns/mnt";
    hostNamespace = Fd(::open(path, O_RDONLY | O_CLOEXEC));
    if (!hostNamespace.valid()) {
      report.fail(Op::StageRoot, errno, path);
      return spawned;
    }
  }
  const ChildContext context{
      plan,         childSync.get(),
      target.get(), hostNamespace.get(),
      null.get(),   {input.read.get(), output.write.get(), errors.write.get()},
      standby,      config,
  };
  int pidfd = -1;
  clone_args arguments{};
  // CLONE_NEWCGROUP is left to the child: see child.cc.
  arguments.flags = CLONE_PIDFD | (config.cloneFlags & ~static_cast<std::uint64_t>(CLONE_NEWCGROUP));
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup.valid()) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup.get());
  }
  const pid_t pid = kernel::clone3(&arguments);
  if (pid == 0) {
    spawned.sync.reset();  // its copy would hide the death of the monitor from the child
    runChild(context);
  }
  if (pid < 0) {
    report.fail(Step::Clone, errno, config.cgroup == nullptr ? "" : config.cgroup);
    return spawned;
  }
  spawned.pid = pid;
  spawned.pidfd = Fd(pidfd);
  spawned.input = std::move(input.write);
  spawned.output = std::move(output.read);
  spawned.errors = std::move(errors.read);
  if (!joinHierarchies(plan, pid, report)) kernel::pidfd_send_signal(pidfd, SIGKILL);
  return spawned;
}

}  // namespace granule

#include "launch/spawn_monitor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "kernel/syscalls.h"
#include "launch/device_filter.h"
#include "launch/network_pool.h"
#include "launch/plan_view.h"

namespace granule {

namespace {

/// All that the child of the vfork touches; it shares the caller's memory and must change nothing else in it.
struct Handover {
  int program;
  int plan;
  int report;
  int null;
  int network;  ///< -1: the container makes its own
  int error = 0;
};

/// Runs in the vfork's child: no allocation, no exception, no return.
[[noreturn]] __attribute__((noinline)) void becomeMonitor(Handover& handover) {
  // Above the low numbers first: what is handed over may stand in its own way.
  const int plan = ::fcntl(handover.plan, F_DUPFD, 64);
  const int report = ::fcntl(handover.report, F_DUPFD, 64);
  const int program = ::fcntl(handover.program, F_DUPFD_CLOEXEC, 64);
  const int null = ::fcntl(handover.null, F_DUPFD, 64);
  const int network = handover.network < 0 ? -1 : ::fcntl(handover.network, F_DUPFD, 64);
  bool placed = plan >= 0 && report >= 0 && program >= 0 && null >= 0 && ::dup2(plan, 3) == 3 && ::dup2(report, 4) == 4;
  for (int stream = 0; placed && stream < 3; ++stream) placed = ::dup2(null, stream) == stream;
  ::setsid();
  unsigned next = 5;
  if (placed && handover.network >= 0) placed = ::dup2(network, static_cast<int>(next++)) >= 0;
  if (placed && ::chdir("/") == 0 && kernel::close_range(next, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
    static char name[] = "granule-monitor";
    char* const argv[] = {name, nullptr};
    char* const env[] = {nullptr};
    ::syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
  }
  handover.error = errno;
  ::_exit(125);
}

/// clone3 as vfork does it: the child borrows this stack until it execs. Inline, since a wrapper's return address
/// would be overwritten by the child before the parent returns through it.
__attribute__((noinline)) pid_t vforkMonitor(clone_args& arguments, Handover& handover) {
  long result = SYS_clone3;
  asm volatile("syscall" : "+a"(result) : "D"(&arguments), "S"(sizeof arguments) : "rcx", "r11", "memory");
  if (result == 0) becomeMonitor(handover);
  if (result < 0) errno = static_cast<int>(-result);
  return static_cast<pid_t>(result < 0 ? -1 : result);
}

Fd planFile(const std::uint8_t* plan, std::size_t bytes) {
  Fd file(::memfd_create("granule-plan", MFD_CLOEXEC));
  if (!file.valid() || ::write(file.get(), plan, bytes) != static_cast<ssize_t>(bytes)) return Fd();
  return file;
}

bool wantsNetwork(const PlanView& plan) {
  bool wants = false;
  plan.each([&wants](const OpView& op) {
    if (op.kind() == Op::Namespaces) wants = (op.number(0) & CLONE_NEWNET) != 0;
    return true;
  });
  return wants;
}

const char* monitorCgroup(const PlanView& plan) {
  const char* path = nullptr;
  plan.each([&path](const OpView& op) {
    if (op.kind() == Op::MonitorCgroup) path = op.first();
    return path == nullptr;
  });
  return path;
}

SpawnedMonitor failedSpawn(Step step, const char* path) {
  SpawnedMonitor failed;
  failed.report.fail(step, errno, path);
  return failed;
}

}  // namespace

Fd sealedProgram(const char* path) {
  const auto fail = [](const char* what) { throw std::system_error(errno, std::generic_category(), what); };
  const Fd source(::open(path, O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!source.valid() || ::fstat(source.get(), &status) != 0) fail(path);
  Fd program(::memfd_create("granule-monitor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!program.valid()) fail("memfd_create");
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t copied = ::sendfile(program.get(), source.get(), nullptr, static_cast<std::size_t>(left));
    if (copied <= 0) fail("sendfile");
    left -= copied;
  }
  if (::fcntl(program.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    fail("F_ADD_SEALS");
  return program;
}

SpawnedMonitor spawnMonitor(int program, const std::uint8_t* plan, std::size_t bytes) {
  const PlanView view(plan, bytes);
  if (!view.valid()) {
    errno = EINVAL;
    return failedSpawn(Step::ReadPlan, "");
  }
  SpawnedMonitor spawned;
  if (!applyDeviceFilter(view, spawned.report)) return spawned;
  const Fd file = planFile(plan, bytes);
  int ends[2];
  if (!file.valid() || ::pipe2(ends, O_CLOEXEC) != 0) return failedSpawn(Step::Pipe, "");
  const Fd reportRead(ends[0]);
  Fd reportWrite(ends[1]);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Fd cgroup;
  const char* cgroupPath = monitorCgroup(view);
  if (cgroupPath != nullptr) {
    cgroup = Fd(::open(cgroupPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup.valid()) return failedSpawn(Step::MonitorExec, cgroupPath);
  }
  const NetworkPool::Start start;
  const Fd network = wantsNetwork(view) ? NetworkPool::take() : Fd();
  Handover handover{program, file.get(), reportWrite.get(), null.get(), network.get()};
  int pidfd = -1;
  clone_args arguments{};
  // No exit signal: a SIGCHLD would wake node's own child handling for a process that is none of its.
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  if (cgroup.valid()) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup.get());
  }
  // A handler of node's that ran in the child would run on node's memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vforkMonitor(arguments, handover);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  if (pid < 0) return failedSpawn(Step::MonitorExec, cgroupPath == nullptr ? "clone3" : cgroupPath);

  spawned.pid = pid;
  spawned.pidfd = Fd(pidfd);
  reportWrite.reset();
  ssize_t got = 0;
  do {
    got = ::read(reportRead.get(), &spawned.report, sizeof spawned.report);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof spawned.report)) {
    spawned.report = {};
    if (handover.error != 0) {
      spawned.report.fail(Step::MonitorExec, handover.error, "");
    } else {
      spawned.report.fail(Step::MonitorDied, ECHILD, "");
    }
  }
  return spawned;
}

}  // namespace granule

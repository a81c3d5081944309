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
#include "launch/low_slots.h"
#include "launch/plan_view.h"

namespace granule {

namespace {

/// The monitor's descriptors from 3 on: plan, report, and those of launch/standby.h.
constexpr int kFirstPassed = 3;
constexpr std::size_t kMostPassed = 5;

/// All that the child of the vfork touches; it shares the caller's memory and must change nothing else in it.
struct Handover {
  int program = -1;
  int null = -1;
  std::array<int, kMostPassed> passed{};
  std::size_t count = 0;
  int highest = -1;
  int error = 0;
};

/// Above the low numbers first: what is handed over may stand in its own way.
int raise(int descriptor) { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 64); }

bool place(const Handover& handover, int program, int null) {
  int raised[kMostPassed];
  for (std::size_t index = 0; index < handover.count; ++index) raised[index] = raise(handover.passed[index]);
  for (std::size_t index = 0; index < handover.count; ++index) {
    const int wanted = kFirstPassed + static_cast<int>(index);
    if (raised[index] < 0 || ::dup2(raised[index], wanted) != wanted) return false;
  }
  for (int stream = 0; stream < 3; ++stream) {
    if (null < 0 || ::dup2(null, stream) != stream) return false;
  }
  return program >= 0;
}

/// Runs in the vfork's child: no allocation, no exception, no return.
[[noreturn]] __attribute__((noinline)) void becomeMonitor(Handover& handover) {
  // Its own table from here on, and of the caller's only what is handed over, with what stands below.
  if (kernel::close_range(static_cast<unsigned>(handover.highest) + 1, ~0U, CLOSE_RANGE_UNSHARE) != 0) {
    handover.error = errno;
    ::_exit(125);
  }
  const int program = raise(handover.program);
  const bool placed = place(handover, program, raise(handover.null));
  ::setsid();
  const unsigned next = kFirstPassed + static_cast<unsigned>(handover.count);
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

bool makesSpare(const PlanView& plan) {
  bool standsBy = false;
  plan.each([&standsBy](const OpView& op) {
    standsBy = op.kind() == Op::Standby;
    return true;
  });
  return standsBy;
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
  Fd reportRead(ends[0]);
  Fd reportWrite(ends[1]);
  Fd cgroup;
  const char* cgroupPath = monitorCgroup(view);
  if (cgroupPath != nullptr) {
    cgroup = Fd(::open(cgroupPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup.valid()) return failedSpawn(Step::MonitorExec, cgroupPath);
  }
  SpareOrders::MonitorEnds spare;
  const bool isSpare = makesSpare(view);
  if (isSpare && !spawned.orders.open(spare)) return failedSpawn(Step::Pipe, "");
  LowSlots slots;
  if (!slots.valid()) return failedSpawn(Step::Pipe, "");
  Handover handover;
  handover.program = slots.put(program);
  handover.null = slots.null();
  handover.passed = {slots.put(file.get()), slots.put(reportWrite.get())};
  handover.count = 2;
  if (isSpare) {
    for (const Fd* each : {&spare.monitorOrders, &spare.childOrders, &spare.secondPlan}) {
      handover.passed[handover.count++] = slots.put(each->get());
    }
  }
  handover.highest = slots.highest();
  int pidfd = -1;
  clone_args arguments{};
  // No exit signal: a SIGCHLD would wake node's own child handling for a process that is none of its.
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD;
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
  spawned.reportFrom = std::move(reportRead);
  if (handover.error != 0) spawned.report.fail(Step::MonitorExec, handover.error, "");
  return spawned;
}

Report readReport(int descriptor) {
  Report report;
  ssize_t got = 0;
  do {
    got = ::read(descriptor, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof report)) return report;
  report = {};
  report.fail(Step::MonitorDied, ECHILD, "");
  return report;
}

}  // namespace granule

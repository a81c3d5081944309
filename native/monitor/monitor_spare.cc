#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "kernel/syscalls.h"
#include "monitor/monitor.h"

namespace granule {

namespace {

/// A cgroup can be busy for a moment after its last process was reaped.
void removeCgroup(const char* path) {
  constexpr int tries = 200;
  constexpr timespec pause{0, 1'000'000};
  for (int left = tries; left > 0 && ::rmdir(path) != 0 && errno == EBUSY; --left) ::nanosleep(&pause, nullptr);
}

}  // namespace

bool Monitor::startSpare(Report& report, const Fd& reportTo) {
  const bool hasChild = config_.cloneFlags != 0;
  if (hasChild) child_ = spawn(plan_, config_, standby_, report);
  Standby::leave(standby_.childOrders);
  if (hasChild && (report.error != 0 || !awaitChild(report, false))) return false;
  if (hasChild) openNetwork();
  report.pid = child_.pid;
  const bool told = ::write(reportTo.get(), &report, sizeof report) == sizeof report;
  report = {};
  if (!told || !awaitSecondPlan(report)) {
    killChild();
    if (report.error == 0) report.fail(Step::Abandoned, ECANCELED, "");
    return false;
  }
  created_ = Instant::now();
  if (!hasChild) {
    Standby::leave(standby_.monitorOrders);
    standby_ = {};
    return startChild(report);
  }
  // The child works through its part meanwhile, and does not exec before it hears that all this stands.
  const bool ready = openLog(report) && openSocket(report) && joinHierarchies(plan_, child_.pid, report);
  const char go = 1;
  if (!ready || ::send(child_.sync.get(), &go, 1, MSG_NOSIGNAL) != 1) {
    if (ready) report.fail(Step::MonitorDied, errno, "");
    killChild();
  } else if (!awaitCommit()) {
    killChild();
    report.fail(Step::Abandoned, ECANCELED, "");
  } else if (awaitChild(report, config_.startsAtOnce)) {
    Standby::leave(standby_.monitorOrders);
    return true;
  }
  ::unlink(config_.socket);
  return false;
}

bool Monitor::awaitSecondPlan(Report& report) {
  std::array<pollfd, 2> watched{{{standby_.monitorOrders, POLLIN, 0}, {child_.pidfd.get(), POLLIN, 0}}};
  int count = 0;
  do {
    count = ::poll(watched.data(), watched.size(), -1);
  } while (count < 0 && errno == EINTR);
  if (count > 0 && watched[0].revents == 0) {
    report.fail(Step::MonitorDied, ECHILD, "");
    return false;
  }
  if (!standby_.takeOrder()) return false;
  const PlanView second = standby_.plan();
  if (second.valid()) plan_ = second;
  if (second.valid() && readConfig(plan_, config_)) return true;
  report.fail(Step::ReadPlan, EINVAL, "");
  return false;
}

bool Monitor::awaitCommit() {
  std::array<pollfd, 2> watched{{{standby_.monitorOrders, POLLIN, 0}, {child_.sync.get(), POLLIN, 0}}};
  int count = 0;
  do {
    count = ::poll(watched.data(), watched.size(), -1);
  } while (count < 0 && errno == EINTR);
  // The child has something to say, be it the end of file at its exec; or else whoever asked for it is gone.
  return watched[1].revents != 0;
}

void Monitor::killChild() {
  kernel::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
  reapChild();
}

void Monitor::removeCgroups() {
  // Nobody is left who would; the next owner of the state folder looks, too.
  if (config_.cgroup != nullptr) removeCgroup(config_.cgroup);
  plan_.each([](const OpView& op) {
    if (op.kind() == Op::CgroupJoin) removeCgroup(op.first());
    return true;
  });
}

}  // namespace granule

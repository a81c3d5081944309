#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "launch/standby.h"
#include "monitor/monitor.h"

namespace {

constexpr int kPlanDescriptor = 3;
constexpr int kReportDescriptor = 4;

/// The spawner blocked every signal and may have handlers that mean nothing here. Only SIGKILL ends a monitor: its
/// container would end with it.
void resetSignals() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
}

/// Takes up what only a spare has (launch/standby.h); nothing of it is open otherwise, and nothing else was opened yet.
granule::Standby openStandby() {
  granule::Standby standby;
  if (::fcntl(granule::kMonitorOrdersDescriptor, F_SETFD, FD_CLOEXEC) != 0) return standby;
  standby.monitorOrders = granule::kMonitorOrdersDescriptor;
  standby.childOrders = granule::kChildOrdersDescriptor;
  ::fcntl(standby.childOrders, F_SETFD, FD_CLOEXEC);
  const granule::Fd shared(granule::kSecondPlanDescriptor);
  void* bytes = ::mmap(nullptr, granule::kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared.get(), 0);
  if (bytes != MAP_FAILED) standby.secondPlan = static_cast<std::uint8_t*>(bytes);
  return standby;
}

}  // namespace

/// granule-monitor: descriptor 3 is a launch plan, 4 takes the reports; those of launch/standby.h are open for a spare.
int main() {
  resetSignals();
  ::prctl(PR_SET_NAME, "granule-monitor", 0, 0, 0);
  // Neither ptrace nor /proc/PID/exe of it, and of its child before the exec, is for the container
  // (CVE-2016-9962, CVE-2019-5736).
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  granule::Fd planFile(kPlanDescriptor);
  granule::Fd reportTo(kReportDescriptor);
  const granule::Standby standby = openStandby();
  ::fcntl(kPlanDescriptor, F_SETFD, FD_CLOEXEC);
  ::fcntl(kReportDescriptor, F_SETFD, FD_CLOEXEC);
  struct stat status{};
  if (::fstat(planFile.get(), &status) != 0 || status.st_size <= 0) {
    std::fputs("granule-monitor: started by granule, not by hand\n", stderr);
    return 125;
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, planFile.get(), 0);
  planFile.reset();
  granule::Config config;
  const granule::PlanView plan(static_cast<const std::uint8_t*>(bytes), size);
  if (bytes == MAP_FAILED || !plan.valid() || !granule::readConfig(plan, config) || config.standsBy != standby.used()) {
    granule::Report report{};
    report.fail(granule::Step::ReadPlan, EINVAL, "");
    return ::write(reportTo.get(), &report, sizeof report) == sizeof report ? 125 : 126;
  }
  granule::Monitor monitor(plan, config, standby);
  return monitor.run(std::move(reportTo));
}

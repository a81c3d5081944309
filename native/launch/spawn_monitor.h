#pragma once

#include <cstdint>

#include "kernel/fd.h"
#include "launch/report.h"
#include "launch/spare_orders.h"

namespace granule {

/// A monitor that was started: its pid, a descriptor to reap it by, and one where its report will come.
struct SpawnedMonitor {
  pid_t pid = 0;
  Fd pidfd;
  Fd reportFrom;
  Report report;       ///< of a start that failed, error != 0
  SpareOrders orders;  ///< of a spare only
};

/// The monitor's program in a sealed memfd (memfd_create(2)), so that no container can write to what the next one
/// runs, whatever /proc/PID/exe leads it to (CVE-2019-5736). Throws std::system_error.
Fd sealedProgram(const char* path);

/// Starts a monitor with this plan. Blocks until its exec: call it on a thread of its own. A failure to start it is in
/// the report. CLONE_VM and CLONE_VFORK: the caller's memory is never copied, however large it is.
/// A plan that ends in Standby makes a spare, whose `orders` say what it becomes.
SpawnedMonitor spawnMonitor(int program, const std::uint8_t* plan, std::size_t bytes);

/// Reads the next report of a monitor; one that ended without gives MonitorDied.
Report readReport(int descriptor);

}  // namespace granule

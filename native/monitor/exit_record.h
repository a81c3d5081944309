#pragma once

#include <cstdint>

#include "launch/end_report.h"
#include "launch/report.h"
#include "monitor/clock.h"

namespace granule {

/// How a container ended, as it is written to disk and told over the socket.
struct ExitStatus {
  std::int32_t code = -1;  ///< -1 where a signal ended it
  std::int32_t signal = 0;
  bool oomKilled = false;
  Instant started;
  Instant finished;
  std::uint64_t lostLogBytes = 0;
};

/// Reads the counters of one cgroup folder, v1 or v2, over what `counters` has.
void readCounters(const char* folder, FinalCounters& counters);

/// Sums up what the devices of a network namespace but its loopback have received and sent, from the text of its
/// /proc/net/dev (proc_pid_net(5)).
void sumNetwork(const char* text, FinalCounters& counters);

/// Writes the record under a temporary name, syncs it, renames it and syncs the folder. errno, or 0.
int writeExitRecord(const char* path, const ExitStatus& status, const FinalCounters& counters, const Report* failure);

}  // namespace granule

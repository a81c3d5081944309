#pragma once

#include <cstdint>

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

/// The last counters of the container's cgroups, read while they still exist. UINT64_MAX: the host has no such counter.
struct FinalCounters {
  std::uint64_t cpuUsec = UINT64_MAX;
  std::uint64_t userUsec = UINT64_MAX;
  std::uint64_t systemUsec = UINT64_MAX;
  std::uint64_t throttledUsec = UINT64_MAX;
  std::uint64_t memoryPeakBytes = UINT64_MAX;
  std::uint64_t oomKills = UINT64_MAX;
  std::uint64_t ioReadBytes = UINT64_MAX;
  std::uint64_t ioWriteBytes = UINT64_MAX;
  std::uint64_t ioReads = UINT64_MAX;
  std::uint64_t ioWrites = UINT64_MAX;
};

/// Reads the counters of one cgroup folder, v1 or v2, over what `counters` has.
void readCounters(const char* folder, FinalCounters& counters);

/// Writes the record under a temporary name, syncs it, renames it and syncs the folder. errno, or 0.
int writeExitRecord(const char* path, const ExitStatus& status, const FinalCounters& counters, const Report* failure);

}  // namespace granule

#pragma once

#include <cstdint>

namespace granule {

/// The last counters of the container's cgroups and network, read while they still exist. UINT64_MAX: the host has no
/// such counter.
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
  std::uint64_t rxBytes = UINT64_MAX;
  std::uint64_t txBytes = UINT64_MAX;
};

/// Calls `each(name, value)` for every counter, by its name in the exit record.
template <typename Each>
void eachCounter(const FinalCounters& counters, Each each) {
  each("cpuUsec", counters.cpuUsec);
  each("userUsec", counters.userUsec);
  each("systemUsec", counters.systemUsec);
  each("throttledUsec", counters.throttledUsec);
  each("memoryPeakBytes", counters.memoryPeakBytes);
  each("oomKills", counters.oomKills);
  each("ioReadBytes", counters.ioReadBytes);
  each("ioWriteBytes", counters.ioWriteBytes);
  each("ioReads", counters.ioReads);
  each("ioWrites", counters.ioWrites);
  each("rxBytes", counters.rxBytes);
  each("txBytes", counters.txBytes);
}

/// How a container ended: what a monitor tells whoever started it, on the descriptor of its Report, once the exit
/// record is on disk and its socket is gone.
struct EndReport {
  std::int32_t code = -1;  ///< -1 where a signal ended it
  std::int32_t signal = 0;
  std::uint64_t oomKilled = 0;
  std::uint64_t startedNs = 0;
  std::uint64_t startedBootNs = 0;
  std::uint64_t finishedNs = 0;
  std::uint64_t finishedBootNs = 0;
  FinalCounters counters;
};

}  // namespace granule

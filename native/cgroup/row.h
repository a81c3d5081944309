#pragma once

#include <array>
#include <cstddef>
#include <limits>

namespace granule {

/// Columns of a sampler row, in order. Every value is a double; what the host does not have is NaN.
enum class Column : std::size_t {
  Key,
  TimeSec,  ///< CLOCK_REALTIME just before the first read, in two parts: nanoseconds do not fit a double
  TimeNsec,
  UsageUsec,
  UserUsec,
  SystemUsec,
  ThrottledUsec,
  MemoryCurrent,
  MemoryPeak,
  MemoryAnon,
  MemoryFile,
  MemoryInactiveFile,
  OomKills,
  Pids,
  IoReadBytes,
  IoWriteBytes,
  IoReads,
  IoWrites,
  NetRxBytes,
  NetTxBytes,
  NetRxPackets,
  NetTxPackets,
  CpuSomeAvg10,  ///< Pressure: percent and microseconds; four columns each for cpu, memory, io, in this order
  CpuSomeTotalUsec,
  CpuFullAvg10,
  CpuFullTotalUsec,
  MemorySomeAvg10,
  MemorySomeTotalUsec,
  MemoryFullAvg10,
  MemoryFullTotalUsec,
  IoSomeAvg10,
  IoSomeTotalUsec,
  IoFullAvg10,
  IoFullTotalUsec,
  Count,
};

inline constexpr std::size_t kColumns = static_cast<std::size_t>(Column::Count);

inline constexpr std::array<const char*, kColumns> kColumnNames = {
    "key",
    "timeSec",
    "timeNsec",
    "usageUsec",
    "userUsec",
    "systemUsec",
    "throttledUsec",
    "memoryCurrent",
    "memoryPeak",
    "memoryAnon",
    "memoryFile",
    "memoryInactiveFile",
    "oomKills",
    "pids",
    "ioReadBytes",
    "ioWriteBytes",
    "ioReads",
    "ioWrites",
    "netRxBytes",
    "netTxBytes",
    "netRxPackets",
    "netTxPackets",
    "cpuSomeAvg10",
    "cpuSomeTotalUsec",
    "cpuFullAvg10",
    "cpuFullTotalUsec",
    "memorySomeAvg10",
    "memorySomeTotalUsec",
    "memoryFullAvg10",
    "memoryFullTotalUsec",
    "ioSomeAvg10",
    "ioSomeTotalUsec",
    "ioFullAvg10",
    "ioFullTotalUsec",
};

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// One row, all absent until read.
struct Row {
  std::array<double, kColumns> values;

  Row() { values.fill(kAbsent); }
  double& operator[](Column column) { return values[static_cast<std::size_t>(column)]; }
  double operator[](Column column) const { return values[static_cast<std::size_t>(column)]; }
  /// The column that stands `offset` after another.
  double& at(Column column, std::size_t offset) { return values[static_cast<std::size_t>(column) + offset]; }
};

}  // namespace granule

#pragma once

#include <string>

#include "cgroup/row.h"
#include "kernel/fd.h"

namespace granule {

/// Where one container's numbers are: cgroup folders, empty where there is none, and a process in its network
/// namespace (0: none).
struct TargetPaths {
  std::string unified;
  std::string cpuacct;
  std::string cpu;
  std::string memory;
  std::string pids;
  std::string blkio;
  int pid = 0;
};

/// A file that is there but cannot be opened.
struct OpenFailure {
  int error;
  std::string path;
};

/// Open descriptors of one container, read by pread(2), so that several threads may read at once. The descriptor of
/// net/dev keeps the network namespace alive until the target goes.
class Target {
 public:
  /// Opens what is there. Throws OpenFailure on anything but a missing file.
  Target(double key, const TargetPaths& paths);

  /// One row, stamped before the first read. A container that is gone gives a row with only key and time.
  /// `before` is the row of the tick before, null where there is none: where no process ran since, the number of
  /// processes and the throttled time are still what they were, and where no memory was charged either, so are
  /// memory.stat, by far the dearest file, the peak and the kills.
  [[nodiscard]] Row read(const Row* before) const;

 private:
  void readCpu(const Row* before, Row& row) const;
  void readMemory(const Row* before, Row& row) const;
  void readPids(const Row* before, Row& row) const;
  void readIo(Row& row) const;

  double key_;
  bool memoryV1_;
  Fd cpuStat_, cpuacctUsage_, cpuV1Stat_;
  Fd memoryCurrent_, memoryPeak_, memoryStat_, memoryEvents_;
  Fd pids_;
  Fd ioStat_, blkioBytes_, blkioOperations_;
  Fd netDev_;
  Fd pressure_[3];
};

}  // namespace granule

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "launch/plan.h"

namespace granule {

/// A step that failed: the plan's operation, or one of the steps around it.
enum class Step : std::uint32_t {
  // Values below 200 are Op.
  ReadPlan = 200,
  MonitorExec = 201,
  Clone = 202,
  Private = 203,  ///< making the mount tree private
  CgroupNamespace = 204,
  Pipe = 205,
  Join = 206,
  TargetGone = 207,  ///< the process to enter has ended, or its pid is another's now
  MonitorDied = 208,
  Abandoned = 209,  ///< whoever prepared a spare ended, or gave it up, before it was told to go on
};

/// What a child tells its monitor, and a monitor the addon: how far it came, or why it failed.
struct Report {
  std::uint32_t step = 0;
  std::int32_t error = 0;  ///< errno; 0: it went well
  std::int32_t pid = 0;
  std::int32_t reserved = 0;
  std::uint64_t createdNs = 0;
  std::uint64_t startedNs = 0;      ///< 0: not started yet
  std::uint64_t startedBootNs = 0;  ///< the same instant of CLOCK_BOOTTIME
  char path[224] = {};

  /// Notes a failed step; a longer path is cut.
  void fail(std::uint32_t failedStep, int failedError, const char* failedPath) {
    step = failedStep;
    error = failedError;
    const std::size_t bytes = ::strnlen(failedPath, sizeof path - 1);
    std::memcpy(path, failedPath, bytes);
    path[bytes] = '\0';
  }
  void fail(Step failedStep, int failedError, const char* failedPath) {
    fail(static_cast<std::uint32_t>(failedStep), failedError, failedPath);
  }
  void fail(Op failedStep, int failedError, const char* failedPath) {
    fail(static_cast<std::uint32_t>(failedStep), failedError, failedPath);
  }
};

/// The name of a step for people and for error mapping; static.
const char* stepName(std::uint32_t step);

}  // namespace granule

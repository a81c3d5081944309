#pragma once

#include <sys/types.h>

#include <cstdint>

#include "launch/plan_view.h"

namespace granule {

/// What the plan says to the monitor itself, and of the process's streams and command to both it and the child. Strings
/// stay in the plan; absent ones are null.
struct Config {
  std::uint64_t cloneFlags = 0;
  const char* cgroup = nullptr;
  const char* socket = nullptr;
  const char* log = nullptr;
  std::uint64_t logMaxBytes = 0;
  std::uint64_t logMaxFiles = 0;
  const char* exitRecord = nullptr;
  bool terminal = false;
  bool keepsStdin = false;
  unsigned short rows = 0;
  unsigned short columns = 0;
  bool startsAtOnce = false;
  bool hasJoins = false;
  bool standsBy = false;  ///< a spare: what it becomes is told by a second plan
  bool enters = false;
  pid_t target = 0;
  std::uint64_t targetStartTicks = 0;
  std::uint64_t enterFlags = 0;
  char** argv = nullptr;
  char** env = nullptr;
};

/// Reads the operations that no step executes; those of a spare's second plan add to those of its first. False where
/// the plan lacks what every plan has, or memory for argv. Allocates nothing on the heap.
bool readConfig(const PlanView& plan, Config& config);

}  // namespace granule

#pragma once

#include <sys/types.h>

#include <cstdint>

namespace granule {

/// When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); 0 where it is gone.
std::uint64_t startTicks(pid_t pid);

}  // namespace granule

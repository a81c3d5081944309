#pragma once

#include <cstdint>
#include <ctime>

namespace granule {

/// A clock's time in nanoseconds.
inline std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Both clocks of one instant: the wall's for people, boottime for durations, which no clock step moves.
struct Instant {
  std::uint64_t wallNs = 0;
  std::uint64_t bootNs = 0;

  static Instant now() { return {nanoseconds(CLOCK_REALTIME), nanoseconds(CLOCK_BOOTTIME)}; }
};

}  // namespace granule

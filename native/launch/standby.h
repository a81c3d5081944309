#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "launch/plan_view.h"

namespace granule {

/// A spare is a monitor with a child that has done all that every container has in common, and waits for the plan of
/// one. Whoever spawned it writes that plan into memory shared with both, and gives each two orders by a socket of its
/// own: how many bytes the plan has; then, to the child alone, that it may exec. The end of file gives the spare up.
inline constexpr int kMonitorOrdersDescriptor = 5;
inline constexpr int kChildOrdersDescriptor = 6;
inline constexpr int kSecondPlanDescriptor = 7;
inline constexpr std::size_t kSecondPlanCapacity = 64 * 1024;

struct Standby {
  int monitorOrders = -1;  ///< SOCK_SEQPACKET, as the other one
  int childOrders = -1;
  const std::uint8_t* secondPlan = nullptr;

  [[nodiscard]] bool used() const { return secondPlan != nullptr; }

  /// Whoever sends to a socket whose reader is gone shall hear of it.
  static void leave(int& orders) {
    if (orders >= 0) ::close(orders);
    orders = -1;
  }

  /// Receives one order; false: given up.
  static bool receive(int orders, std::uint32_t& order) {
    ssize_t got = 0;
    do {
      got = ::recv(orders, &order, sizeof order, 0);
    } while (got < 0 && errno == EINTR);
    return got == sizeof order;
  }

  /// The second plan, which must be valid().
  [[nodiscard]] PlanView plan(std::uint32_t bytes) const {
    return {secondPlan, bytes <= kSecondPlanCapacity ? bytes : 0};
  }
};

}  // namespace granule

#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "launch/plan_view.h"

namespace granule {

/// A spare is a monitor with a child that has done all that every container has in common, and waits for the plan of
/// one. Whoever spawned it writes that plan into memory shared with both and counts the child's eventfd up; once more,
/// and the child may exec. The monitor is told by a socket, whose end of file gives the spare up.
///
/// A first plan without namespaces makes a spare without a child: a monitor that clones once it has the second plan.
///
/// An eventfd, since a message on a unix socket wakes its reader where the sender runs (a "sync" wakeup): the two would
/// take turns on one processor while another one idles.
inline constexpr int kMonitorOrdersDescriptor = 5;
inline constexpr int kChildOrdersDescriptor = 6;
inline constexpr int kSecondPlanDescriptor = 7;
inline constexpr std::size_t kSharedBytes = 64 * 1024;
/// The child sets the last byte of the shared memory once it has heard that it may exec: one that dies before never
/// ran.
inline constexpr std::size_t kSecondPlanCapacity = kSharedBytes - 1;

struct Standby {
  int monitorOrders = -1;  ///< SOCK_SEQPACKET: one message, of one byte, says that the plan is there
  int childOrders = -1;    ///< eventfd(2), EFD_SEMAPHORE
  std::uint8_t* secondPlan = nullptr;

  [[nodiscard]] bool used() const { return secondPlan != nullptr; }

  static void leave(int& orders) {
    if (orders >= 0) ::close(orders);
    orders = -1;
  }

  /// Waits for the child's next order.
  [[nodiscard]] bool awaitOrder() const {
    std::uint64_t count = 0;
    ssize_t got = 0;
    do {
      got = ::read(childOrders, &count, sizeof count);
    } while (got < 0 && errno == EINTR);
    return got == sizeof count;
  }

  /// Takes the monitor's order; false: given up.
  [[nodiscard]] bool takeOrder() const {
    char order = 0;
    return ::recv(monitorOrders, &order, sizeof order, 0) == sizeof order;
  }

  void noteCommit() const { __atomic_store_n(secondPlan + kSecondPlanCapacity, 1, __ATOMIC_RELEASE); }

  [[nodiscard]] bool committed() const {
    return __atomic_load_n(secondPlan + kSecondPlanCapacity, __ATOMIC_ACQUIRE) != 0;
  }

  /// The second plan, which must be valid().
  [[nodiscard]] PlanView plan() const {
    const std::uint32_t bytes = PlanView::announcedBytes(secondPlan);
    return {secondPlan, bytes <= kSecondPlanCapacity ? bytes : 0};
  }
};

}  // namespace granule

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/fd.h"

namespace granule {

/// The spawner's ends of a spare (launch/standby.h). Destroyed, they give the spare up: it leaves by itself.
class SpareOrders {
 public:
  /// What the monitor gets, at the descriptors that launch/standby.h numbers.
  struct MonitorEnds {
    Fd monitorOrders;
    Fd childOrders;
    Fd secondPlan;
  };

  /// Makes the sockets and the shared memory. False with errno.
  bool open(MonitorEnds& ends);
  /// Hands the second plan over, and both begin. False: it does not fit (E2BIG), or the spare is gone (EPIPE).
  [[nodiscard]] bool give(const std::uint8_t* plan, std::size_t bytes) const;
  /// Lets the child exec once it is set up.
  void commit() const;
  [[nodiscard]] bool valid() const { return plan_.valid(); }

  Fd report;  ///< where the monitor tells how it went

 private:
  Fd monitorOrders_;
  Fd childOrders_;
  Fd plan_;  ///< written to and not mapped: an unmapping would interrupt every processor that runs a thread of node
};

}  // namespace granule

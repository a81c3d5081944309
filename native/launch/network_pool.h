#pragma once

#include "kernel/fd.h"

namespace granule {

/// Network namespaces made ahead of need, loopback up, on one background thread: to make one is a third of a whole
/// start (pernet_operations for every protocol). It begins with the first start that wants one, fills up only
/// while no start is under way, and hands each namespace out once.
class NetworkPool {
 public:
  /// A fresh namespace, or an invalid descriptor where none is ready: the container then makes its own.
  static Fd take();

  /// Marks a start as under way, so that filling up does not compete with it.
  class Start {
   public:
    Start();
    ~Start();
    Start(const Start&) = delete;
    Start& operator=(const Start&) = delete;
  };
};

}  // namespace granule

#pragma once

#include <cstddef>

#include "launch/child/config.h"
#include "launch/plan_view.h"
#include "launch/report.h"
#include "launch/standby.h"

namespace granule {

/// All that the child needs, made ready by the monitor before it clones: from then on nothing allocates.
struct ChildContext {
  PlanView plan;
  int sync;           ///< SOCK_SEQPACKET to the monitor; closes by exec
  int target;         ///< pidfd of the process whose namespaces are entered
  int hostNamespace;  ///< the monitor's mount namespace, for a spare; -1 for none
  int null;           ///< stands in for a stdin that is not kept open
  int stdio[3];       ///< -1 where a terminal takes their place
  Standby standby;
  Config config;
};

/// Where a step failed; `path` must outlive it.
struct StepResult {
  int error = 0;
  const char* path = "";
};

inline StepResult done() { return {}; }
StepResult failed(const char* path);
StepResult failedWith(int error, const char* path);

/// Executes the plan in the cloned child; ends in exec or, once the failure was told, in _exit(125).
[[noreturn]] void runChild(const ChildContext& context);

}  // namespace granule

#pragma once

#include <cstddef>

#include "launch/plan_view.h"
#include "launch/report.h"

namespace granule {

/// All that the child needs, made ready by the monitor before it clones: from then on nothing allocates.
struct ChildContext {
  PlanView plan;
  int sync;            ///< SOCK_SEQPACKET to the monitor; closes by exec
  bool waitsForStart;  ///< sends a Report once set up and waits for a byte
  bool enters;         ///< joins the namespaces of a running container
  int target;          ///< pidfd of the process whose namespaces are entered
  int network;         ///< network namespace made ahead, or -1
  int stdio[3];        ///< -1 where a terminal takes their place
  bool terminal;
  unsigned short rows;
  unsigned short columns;
  char** argv;
  char** env;
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

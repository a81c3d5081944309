#pragma once

#include "kernel/fd.h"
#include "launch/child/config.h"
#include "launch/plan_view.h"
#include "launch/report.h"
#include "launch/standby.h"

namespace granule {

/// The monitor's ends of a freshly cloned child.
struct Spawned {
  pid_t pid = 0;
  Fd pidfd;
  Fd sync;    ///< SOCK_SEQPACKET: Reports come in, one byte asks for the exec; end of file: the exec has happened
  Fd input;   ///< write end of stdin, where it is kept open
  Fd output;  ///< read ends; invalid with a terminal
  Fd errors;
};

/// Clones the container's first process, or a process that enters a running container, into its cgroup, and joins the
/// v1 hierarchies while it sets itself up. A spare's child is of the same make, and hears by `standby` what it becomes.
/// A failed step is in `report` (error != 0).
Spawned spawn(const PlanView& plan, const Config& config, const Standby& standby, Report& report);

/// Moves a process into the v1 cgroups of a plan. False: the failed step is in `report`.
bool joinHierarchies(const PlanView& plan, pid_t pid, Report& report);

}  // namespace granule

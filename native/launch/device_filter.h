#pragma once

#include "launch/plan_view.h"
#include "launch/report.h"

namespace granule {

/// Attaches the plan's device rules to its v2 cgroup as a BPF program (Documentation/admin-guide/cgroup-v2.rst, "Device
/// controller"), where it has any. The program of a set of rules is verified by the kernel once in the life of the
/// process and then shared: that is most of the cost. Call from any thread. False with the failed step in `report`.
bool applyDeviceFilter(const PlanView& plan, Report& report);

}  // namespace granule

#pragma once

#include "launch/plan_view.h"

namespace granule {

/// Attaches a BPF program to the cgroup that allows or denies device access by the plan's rules
/// (Documentation/admin-guide/cgroup-v2.rst, "Device controller"). errno, or 0.
int attachDeviceFilter(int cgroup, const OpView& op);

}  // namespace granule

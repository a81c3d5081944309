#pragma once

#include "launch/child/child.h"

namespace granule {

StepResult setUser(const OpView& op);
StepResult setCapabilities(const OpView& op);
StepResult setRlimit(const OpView& op);
StepResult installSeccomp(const OpView& op);

}  // namespace granule

#pragma once

#include "launch/child/child.h"

namespace granule {

StepResult enterNamespaces(const ChildContext& context, const OpView& op);
StepResult setHostname(const OpView& op);
StepResult setSysctl(const OpView& op);
StepResult setOomScore(const OpView& op);
StepResult enterWorkingDirectory(const OpView& op);
/// Puts the standard streams in place; with a terminal, makes it the controlling one.
StepResult placeStdio(const ChildContext& context, int terminal);
/// Never returns where the exec succeeds. argv[0] is looked up in PATH as execvp(3) does.
StepResult exec(const ChildContext& context);

}  // namespace granule

#pragma once

#include "kernel/fd.h"

namespace granule {

/// Takes over the pidfd of a monitor and reaps it once it has ended, on one thread for the whole process that sleeps
/// in between. Should node die first, the monitors are init's to reap.
void reapLater(Fd pidfd);

}  // namespace granule

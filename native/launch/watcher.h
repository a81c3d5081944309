#pragma once

#include <functional>

#include "kernel/fd.h"

namespace granule {

/// Calls `ready` with the descriptor once it can be read or has hung up, on the one thread that all of these share.
/// It must not block for long. Descriptors that never become ready stay to the end of the process.
void whenReadable(Fd descriptor, std::function<void(Fd)> ready);

/// Waits for a child to end, and takes its status away so that no zombie stays.
void reapLater(Fd pidfd);

}  // namespace granule

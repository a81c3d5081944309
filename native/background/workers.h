#pragma once

#include <functional>

namespace granule {

/// Runs a start on one of a few threads of its own, which are kept: making one costs more than what it does. Not
/// libuv's pool: a start never waits behind file system work.
void onLauncher(std::function<void()> work);

/// Runs what nobody waits for on one thread, in the order of the calls.
void onTidier(std::function<void()> work);

}  // namespace granule

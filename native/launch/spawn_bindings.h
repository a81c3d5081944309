#pragma once

#include <napi.h>

namespace granule {

/// What starts monitors and hears of their ends.
void exportSpawn(Napi::Env env, Napi::Object exports);

}  // namespace granule

#pragma once

#include <napi.h>

namespace granule {

/// What removes folders in the background.
void exportBackground(Napi::Env env, Napi::Object exports);

}  // namespace granule

#pragma once

#include <napi.h>

namespace granule {

/// Adds this folder's functions to the addon's exports; src/native.ts types them.
void exportUnpack(Napi::Env env, Napi::Object exports);

}  // namespace granule

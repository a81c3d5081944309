#include <napi.h>

#include "background/bindings.h"
#include "cgroup/bindings.h"
#include "launch/bindings.h"
#include "unpack/bindings.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  granule::exportBackground(env, exports);
  granule::exportLaunch(env, exports);
  granule::exportCgroup(env, exports);
  granule::exportUnpack(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(granule, init)

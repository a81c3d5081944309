#include "bindings.h"

#include "seccomp.h"

namespace granule {

void exportLaunch(Napi::Env env, Napi::Object exports) {
  exports.Set("compileSeccomp", Napi::Function::New(env, compileSeccomp, "compileSeccomp"));
}

}  // namespace granule

#include "bindings.h"

#include "delegation.h"

namespace granule {

void exportCgroup(Napi::Env env, Napi::Object exports) {
  exports["isDelegatedCgroup"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), isDelegatedCgroup(info[0].As<Napi::String>()));
  });
}

}  // namespace granule

#include "bindings.h"

namespace granule {

void exportCgroup(Napi::Env, Napi::Object) {}

}  // namespace granule

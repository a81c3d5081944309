#include "bindings.h"

namespace granule {

void exportUnpack(Napi::Env, Napi::Object) {}

}  // namespace granule

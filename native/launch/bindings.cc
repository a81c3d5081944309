#include "bindings.h"

namespace granule {

void exportLaunch(Napi::Env, Napi::Object) {}

}  // namespace granule

#include "background/bindings.h"

#include <memory>
#include <string>
#include <utility>

#include "background/courier.h"
#include "background/remove_tree.h"
#include "background/workers.h"

namespace granule {

namespace {

/// Removes a folder on the tidier's thread, behind all that were given before. Nobody is told.
void tidy(const Napi::CallbackInfo& info) {
  onTidier([path = info[0].As<Napi::String>().Utf8Value()] { removeTree(path); });
}

/// Settles once all that was given before has had its turn.
Napi::Value tidied(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto deferred = Napi::Promise::Deferred::New(env);
  onTidier([deferred, address = Courier::of(env).expect(env)] {
    address.deliver([deferred](Napi::Env current) {
      Courier::of(current).settled(current);
      deferred.Resolve(current.Undefined());
    });
  });
  return deferred.Promise();
}

}  // namespace

void exportBackground(Napi::Env env, Napi::Object exports) {
  exports.Set("tidy", Napi::Function::New(env, tidy, "tidy"));
  exports.Set("tidied", Napi::Function::New(env, tidied, "tidied"));
}

}  // namespace granule

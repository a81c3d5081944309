#include "background/courier.h"

#include <utility>

namespace granule {

void Courier::perform(Napi::Env env, Napi::Function, std::nullptr_t*, Delivery* delivery) {
  const std::unique_ptr<Delivery> owned(delivery);
  // Without an environment the queue is only emptied.
  if (env != nullptr) (*owned)(env);
}

Courier::Courier(Napi::Env env) : function_(Function::New(env, "granule", 0, 1)) { function_.Unref(env); }

Courier& Courier::of(Napi::Env env) {
  auto* courier = env.GetInstanceData<Courier>();
  if (courier == nullptr) {
    courier = new Courier(env);
    env.SetInstanceData(courier);
  }
  return *courier;
}

Courier::Address Courier::expect(Napi::Env env) {
  if (expected_++ == 0) function_.Ref(env);
  // Until it is used the function stays, even where its environment ends meanwhile.
  function_.Acquire();
  return Address(function_);
}

void Courier::settled(Napi::Env env) {
  if (--expected_ == 0) function_.Unref(env);
}

void Courier::Address::deliver(Delivery delivery) const {
  auto waiting = std::make_unique<Delivery>(std::move(delivery));
  if (napi_call_threadsafe_function(function_, waiting.get(), napi_tsfn_blocking) == napi_ok) {
    static_cast<void>(waiting.release());
  }
  napi_release_threadsafe_function(function_, napi_tsfn_release);
}

}  // namespace granule

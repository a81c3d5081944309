#pragma once

#include <napi.h>

#include <functional>
#include <memory>

namespace granule {

/// The way from other threads into the JavaScript of one environment. While something is expected, the loop goes on.
class Courier {
 public:
  /// Runs in JavaScript's thread.
  using Delivery = std::function<void(Napi::Env)>;

  explicit Courier(Napi::Env env);

  /// That of this environment.
  static Courier& of(Napi::Env env);

  /// One delivery to come: whoever has the address has to use it, once, on any thread.
  class Address {
   public:
    void deliver(Delivery delivery) const;

   private:
    friend class Courier;
    explicit Address(napi_threadsafe_function function) : function_(function) {}
    napi_threadsafe_function function_;
  };

  Address expect(Napi::Env env);
  /// What was expected has come, or is waited for no more: called once for each expect().
  void settled(Napi::Env env);

 private:
  static void perform(Napi::Env env, Napi::Function, std::nullptr_t*, Delivery* delivery);
  using Function = Napi::TypedThreadSafeFunction<std::nullptr_t, Delivery, perform>;

  Function function_;
  std::size_t expected_ = 0;
};

}  // namespace granule

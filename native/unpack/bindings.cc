#include "unpack/bindings.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "unpack/error.h"
#include "unpack/inflate.h"
#include "unpack/layer.h"

namespace granule {

namespace {

using unpack::Growth;
using unpack::LayerOptions;
using unpack::LayerResult;
using unpack::UnpackError;

Napi::Error toError(Napi::Env env, const UnpackError& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("step", failure.step);
  error.Set("errno", failure.number == 0 ? "" : strerrorname_np(failure.number));
  error.Set("path", failure.path);
  return error;
}

/// One unpacking under way: lives from the call in JavaScript until its promise has settled.
struct Unpacking {
  Unpacking(Napi::Env env, LayerOptions&& given)
      : deferred(Napi::Promise::Deferred::New(env)), options(std::move(given)) {}

  void run() {
    try {
      result = unpack::unpackLayer(options);
    } catch (const UnpackError& thrown) {
      failure = thrown;
    } catch (const std::exception& thrown) {
      failure = UnpackError("unpack", 0, "", thrown.what());
    }
  }

  Napi::Promise::Deferred deferred;
  /// Keeps the shared memory alive while the threads use it.
  Napi::ObjectReference control;
  LayerOptions options;
  LayerResult result;
  std::optional<UnpackError> failure;
};

void settle(Napi::Env env, Napi::Function, void*, Unpacking* unpacking) {
  const std::unique_ptr<Unpacking> owned(unpacking);
  if (env == nullptr) return;
  if (owned->failure) return owned->deferred.Reject(toError(env, *owned->failure).Value());
  const LayerResult& layer = owned->result;
  Napi::Object result = Napi::Object::New(env);
  if (!layer.digest.empty()) result.Set("digest", layer.digest);
  result.Set("diffId", layer.diff_id);
  result.Set("entries", static_cast<double>(layer.entries));
  result.Set("bytes", static_cast<double>(layer.bytes));
  result.Set("compressedBytes", static_cast<double>(layer.compressed_bytes));
  result.Set("skippedXattrs", static_cast<double>(layer.skipped_xattrs));
  owned->deferred.Resolve(result);
}

using UnpackingDone = Napi::TypedThreadSafeFunction<void, Unpacking, settle>;

double positiveNumber(Napi::Object options, const char* name) {
  const double value = options.Get(name).ToNumber().DoubleValue();
  if (!(value > 0)) throw Napi::TypeError::New(options.Env(), std::string(name) + " must be positive");
  return value;
}

constexpr napi_type_tag kGrowthTag = {0x6a1f0c52d3e94b87, 0x9b27e1d4c05f38a6};

Napi::Value createGrowth(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto growth = std::make_shared<Growth>();
  auto handle = Napi::Object::New(env);
  const auto method = [&](const char* name, auto body) {
    handle[name] =
        Napi::Function::New(env, [growth, body](const Napi::CallbackInfo& call) { body(call, *growth); }, name);
  };
  method("advance", [](const Napi::CallbackInfo& call, Growth& of) {
    of.advance(static_cast<uint64_t>(call[0].As<Napi::Number>().Int64Value()));
  });
  method("end", [](const Napi::CallbackInfo&, Growth& of) { of.end(); });
  method("lose", [](const Napi::CallbackInfo&, Growth& of) { of.lose(); });
  method("wake", [](const Napi::CallbackInfo&, Growth& of) { of.wake(); });
  auto shared = Napi::External<std::shared_ptr<Growth>>::New(
      env, new std::shared_ptr<Growth>(growth), [](Napi::Env, std::shared_ptr<Growth>* owned) { delete owned; });
  shared.TypeTag(&kGrowthTag);
  handle["shared"] = shared;
  return handle;
}

std::shared_ptr<Growth> growthOf(Napi::Object handle) {
  const Napi::Value shared = handle.Get("shared");
  if (!shared.IsExternal()) throw Napi::TypeError::New(handle.Env(), "growth must come from createGrowth");
  const auto external = shared.As<Napi::External<std::shared_ptr<Growth>>>();
  if (!external.CheckTypeTag(&kGrowthTag)) throw Napi::TypeError::New(handle.Env(), "growth is something else");
  return *external.Data();
}

Napi::Value unpackLayer(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  LayerOptions options;
  try {
    // At once: the file may have another name a moment later.
    options.source = unpack::openLayer(given.Get("source").ToString());
  } catch (const UnpackError& failure) {
    const auto refused = Napi::Promise::Deferred::New(info.Env());
    refused.Reject(toError(info.Env(), failure).Value());
    return refused.Promise();
  }
  if (const Napi::Value growth = given.Get("growth"); growth.IsObject()) {
    options.growth = growthOf(growth.As<Napi::Object>());
  }
  options.target = given.Get("target").ToString();
  options.compression = given.Get("compression").ToString();
  options.max_entries = static_cast<uint64_t>(positiveNumber(given, "maxEntries"));
  options.max_bytes = static_cast<uint64_t>(positiveNumber(given, "maxBytes"));
  options.max_ratio = positiveNumber(given, "maxRatio");
  options.end_optional = given.Get("endOptional").ToBoolean();
  options.hash_source = given.Get("hashSource").ToBoolean();
  options.threads = static_cast<unsigned>(positiveNumber(given, "threads"));
  auto unpacking = std::make_unique<Unpacking>(info.Env(), std::move(options));
  if (const Napi::Value control = given.Get("control"); control.IsTypedArray()) {
    unpacking->control = Napi::Persistent(control.As<Napi::Object>());
    auto cells = control.As<Napi::BigInt64Array>();
    if (cells.ElementLength() < 2) throw Napi::TypeError::New(info.Env(), "control must have two cells");
    unpacking->options.control = cells.Data();
  }
  const Napi::Promise promise = unpacking->deferred.Promise();
  UnpackingDone finished = UnpackingDone::New(info.Env(), "granule unpack", 0, 1);
  // A thread of its own: libuv's pool is small, and a layer takes seconds.
  std::thread([finished, owned = std::move(unpacking)]() mutable {
    owned->run();
    finished.BlockingCall(owned.release());
    finished.Release();
  }).detach();
  return promise;
}

Napi::Value getXattr(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString();
  const std::string name = info[1].ToString();
  char value[4096];
  const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value, sizeof value);
  if (size >= 0) return Napi::Buffer<char>::Copy(info.Env(), value, static_cast<size_t>(size));
  if (errno == ENODATA || errno == EOPNOTSUPP) return info.Env().Undefined();
  throw toError(info.Env(), UnpackError("lgetxattr", errno, path, std::string("lgetxattr: ") + strerrordesc_np(errno)));
}

}  // namespace

void exportUnpack(Napi::Env env, Napi::Object exports) {
  exports.Set("unpackLayer", Napi::Function::New(env, unpackLayer, "unpackLayer"));
  exports.Set("createGrowth", Napi::Function::New(env, createGrowth, "createGrowth"));
  exports.Set("inflateLibrary", unpack::Inflate::library());
  exports.Set("getXattr", Napi::Function::New(env, getXattr, "getXattr"));
}

}  // namespace granule

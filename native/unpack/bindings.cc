#include "unpack/bindings.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "unpack/error.h"
#include "unpack/layer.h"

namespace granule {

namespace {

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

/// Unpacks on a thread of the pool and settles a promise.
class UnpackWorker : public Napi::AsyncWorker {
 public:
  UnpackWorker(Napi::Env env, LayerOptions options, Napi::Value control)
      : AsyncWorker(env, "granule:unpackLayer"),
        deferred_(Napi::Promise::Deferred::New(env)),
        options_(std::move(options)) {
    if (!control.IsTypedArray()) return;
    // The reference keeps the shared memory alive while the threads use it.
    control_ = Napi::Persistent(control.As<Napi::Object>());
    auto cells = control.As<Napi::BigInt64Array>();
    if (cells.ElementLength() < 2) throw Napi::TypeError::New(env, "control must have two cells");
    options_.control = cells.Data();
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      result_ = unpack::unpackLayer(options_);
    } catch (const UnpackError& failure) {
      failure_ = failure;
    } catch (const std::exception& failure) {
      failure_ = UnpackError("unpack", 0, "", failure.what());
    }
  }

  void OnOK() override {
    if (failure_) return deferred_.Reject(toError(Env(), *failure_).Value());
    Napi::Object result = Napi::Object::New(Env());
    result.Set("digest", result_.digest);
    result.Set("diffId", result_.diff_id);
    result.Set("entries", static_cast<double>(result_.entries));
    result.Set("bytes", static_cast<double>(result_.bytes));
    result.Set("compressedBytes", static_cast<double>(result_.compressed_bytes));
    result.Set("skippedXattrs", static_cast<double>(result_.skipped_xattrs));
    deferred_.Resolve(result);
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference control_;
  LayerOptions options_;
  LayerResult result_;
  std::optional<UnpackError> failure_;
};

double positiveNumber(Napi::Object options, const char* name) {
  const double value = options.Get(name).ToNumber().DoubleValue();
  if (!(value > 0)) throw Napi::TypeError::New(options.Env(), std::string(name) + " must be positive");
  return value;
}

Napi::Value unpackLayer(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  LayerOptions options;
  options.source = given.Get("source").ToString();
  options.target = given.Get("target").ToString();
  options.compression = given.Get("compression").ToString();
  options.max_entries = static_cast<uint64_t>(positiveNumber(given, "maxEntries"));
  options.max_bytes = static_cast<uint64_t>(positiveNumber(given, "maxBytes"));
  options.max_ratio = positiveNumber(given, "maxRatio");
  options.end_optional = given.Get("endOptional").ToBoolean();
  auto worker = std::make_unique<UnpackWorker>(info.Env(), std::move(options), given.Get("control"));
  Napi::Promise promise = worker->promise();
  // A queued worker deletes itself.
  worker.release()->Queue();
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
  exports.Set("getXattr", Napi::Function::New(env, getXattr, "getXattr"));
}

}  // namespace granule

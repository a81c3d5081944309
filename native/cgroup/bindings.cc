#include "cgroup/bindings.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cgroup/delegation.h"
#include "cgroup/sampler.h"

namespace granule {

namespace {

using Rows = std::vector<double>;

void deliver(Napi::Env env, Napi::Function onTick, std::nullptr_t*, Rows* data) {
  const std::unique_ptr<Rows> rows(data);
  // Without an environment the queue is only emptied.
  if (env == nullptr) return;
  auto array = Napi::Float64Array::New(env, rows->size());
  std::copy(rows->begin(), rows->end(), array.Data());
  onTick.Call({array});
}

using TickFunction = Napi::TypedThreadSafeFunction<std::nullptr_t, Rows, deliver>;

/// Ticks that may wait for a busy loop; more are dropped, so that a loop that stands still buffers nothing.
constexpr std::size_t kWaitingTicks = 2;

/// The sampler and its way into JavaScript, until `stop` or the end of the environment.
class SamplerHandle {
 public:
  SamplerHandle(Napi::Env env, Napi::Function onTick)
      : tick_(TickFunction::New(env, onTick, "granule.sampler", kWaitingTicks, 1)),
        sampler_([this](Rows rows) { return give(std::move(rows)); }) {
    tick_.Unref(env);
  }

  Sampler& sampler() { return sampler_; }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    sampler_.stop();
    if (!closing_) tick_.Release();
  }

 private:
  bool give(Rows rows) {
    auto data = std::make_unique<Rows>(std::move(rows));
    const napi_status status = tick_.NonBlockingCall(data.get());
    if (status == napi_ok) static_cast<void>(data.release());
    closing_ = status == napi_closing;
    return !closing_;
  }

  TickFunction tick_;
  bool stopped_ = false;
  bool closing_ = false;  ///< written by the thread, read once it is joined
  Sampler sampler_;
};

std::string textOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

TargetPaths pathsOf(const Napi::Object& target) {
  TargetPaths paths;
  paths.unified = textOf(target, "unified");
  paths.cpuacct = textOf(target, "cpuacct");
  paths.cpu = textOf(target, "cpu");
  paths.memory = textOf(target, "memory");
  paths.pids = textOf(target, "pids");
  paths.blkio = textOf(target, "blkio");
  const Napi::Value pid = target.Get("pid");
  if (pid.IsNumber()) paths.pid = pid.As<Napi::Number>().Int32Value();
  return paths;
}

/// The error of a failed system call, with the fields that node's own have.
Napi::Error systemError(Napi::Env env, int error, const std::string& call, const std::string& path) {
  const std::string code = strerrorname_np(error) ? strerrorname_np(error) : std::to_string(error);
  Napi::Error thrown = Napi::Error::New(env, code + ": " + call + (path.empty() ? "" : " " + path));
  thrown.Set("code", code);
  thrown.Set("syscall", call);
  if (!path.empty()) thrown.Set("path", path);
  return thrown;
}

using Handle = std::shared_ptr<SamplerHandle>;

void add(const Napi::CallbackInfo& info, const Handle& handle) {
  const auto target = info[0].As<Napi::Object>();
  try {
    handle->sampler().add(target.Get("key").As<Napi::Number>().Uint32Value(), pathsOf(target));
  } catch (const OpenFailure& failure) {
    throw systemError(info.Env(), failure.error, "open", failure.path);
  }
}

Napi::Value read(const Napi::CallbackInfo& info, const Handle& handle) {
  const Row row = handle->sampler().read(info[0].As<Napi::Number>().Uint32Value());
  auto array = Napi::Float64Array::New(info.Env(), kColumns);
  std::copy(row.values.begin(), row.values.end(), array.Data());
  return array;
}

Napi::Value createSampler(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Handle handle;
  try {
    handle = std::make_shared<SamplerHandle>(env, info[0].As<Napi::Function>());
  } catch (const std::system_error& failure) {
    throw systemError(env, failure.code().value(), "create the sampler", "");
  }
  env.AddCleanupHook([handle] { handle->stop(); });
  auto sampler = Napi::Object::New(env);
  const auto method = [&](const char* name, auto body) {
    sampler[name] =
        Napi::Function::New(env, [handle, body](const Napi::CallbackInfo& call) { return body(call, handle); }, name);
  };
  method("add", add);
  method("remove", [](const Napi::CallbackInfo& call, const Handle& of) {
    of->sampler().remove(call[0].As<Napi::Number>().Uint32Value());
  });
  method("read", read);
  method("stop", [](const Napi::CallbackInfo&, const Handle& of) { of->stop(); });
  return sampler;
}

}  // namespace

void exportCgroup(Napi::Env env, Napi::Object exports) {
  exports["createSampler"] = Napi::Function::New(env, createSampler, "createSampler");
  auto columns = Napi::Array::New(env, kColumns);
  for (std::uint32_t i = 0; i < kColumns; ++i) columns[i] = Napi::String::New(env, kColumnNames[i]);
  exports["samplerColumns"] = columns;
  exports["isDelegatedCgroup"] = Napi::Function::New(
      env,
      [](const Napi::CallbackInfo& info) {
        return Napi::Boolean::New(info.Env(), isDelegatedCgroup(info[0].As<Napi::String>()));
      },
      "isDelegatedCgroup");
}

}  // namespace granule

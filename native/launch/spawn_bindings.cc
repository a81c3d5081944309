#include "launch/spawn_bindings.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "background/courier.h"
#include "background/workers.h"
#include "launch/end_report.h"
#include "launch/spawn_monitor.h"
#include "launch/standby.h"
#include "launch/watcher.h"

namespace granule {

namespace {

/// Frees what an External holds.
template <typename Value>
Napi::External<Value> externalOf(Napi::Env env, std::unique_ptr<Value> value) {
  return Napi::External<Value>::New(env, value.release(),
                                    [](Napi::Env, Value* last) { const std::unique_ptr<Value> ended(last); });
}

/// The end of a container that is to come.
struct End {
  explicit End(Fd from) : report(std::make_shared<Fd>(std::move(from))) {}
  /// Kept beyond the end: the monitor stays until it is closed.
  std::shared_ptr<Fd> report;
  /// Not waited for, or told already.
  std::shared_ptr<bool> over;
};

using Spare = Napi::External<SpareOrders>;
using EndHandle = Napi::External<End>;

/// One report awaited: lives from the call in JavaScript until its promise has settled.
struct Launch {
  Launch(Napi::Env env, bool toTheEnd) : deferred(Napi::Promise::Deferred::New(env)), wantsEnd(toTheEnd) {}

  Napi::Promise::Deferred deferred;
  bool wantsEnd;
  std::vector<std::uint8_t> plan;
  SpawnedMonitor spawned;
  Fd end;
};

Napi::Object reportObject(Napi::Env env, Launch& launch) {
  const Report& report = launch.spawned.report;
  Napi::Object object = Napi::Object::New(env);
  object.Set("ok", report.error == 0);
  if (report.error != 0) {
    const char* name = strerrorname_np(report.error);
    object.Set("step", stepName(report.step));
    object.Set("errno", name == nullptr ? std::to_string(report.error) : std::string(name));
    object.Set("path", report.path);
    return object;
  }
  object.Set("monitorPid", launch.spawned.pid);
  object.Set("pid", report.pid);
  object.Set("createdNs", Napi::BigInt::New(env, report.createdNs));
  object.Set("startedNs", Napi::BigInt::New(env, report.startedNs));
  object.Set("startedBootNs", Napi::BigInt::New(env, report.startedBootNs));
  if (launch.end.valid()) object.Set("end", externalOf(env, std::make_unique<End>(std::move(launch.end))));
  if (launch.spawned.orders.valid()) {
    object.Set("spare", externalOf(env, std::make_unique<SpareOrders>(std::move(launch.spawned.orders))));
  }
  return object;
}

/// Takes the report that has come on `from`, and keeps that open for the end where it is wanted.
void takeReport(Launch& launch, Fd from) {
  launch.spawned.report = readReport(from.get());
  if (launch.spawned.report.error != 0) return;
  if (launch.spawned.orders.valid()) {
    launch.spawned.orders.report = std::move(from);
  } else if (launch.wantsEnd) {
    launch.end = std::move(from);
  }
}

void deliver(const Courier::Address& address, std::shared_ptr<Launch> launch) {
  address.deliver([launch = std::move(launch)](Napi::Env env) {
    Courier::of(env).settled(env);
    launch->deferred.Resolve(reportObject(env, *launch));
  });
}

/// The sealed program of each path, kept open for the life of the process.
int programFor(const std::string& path) {
  static std::map<std::string, Fd> programs;
  auto found = programs.find(path);
  if (found == programs.end()) found = programs.emplace(path, sealedProgram(path.c_str())).first;
  return found->second.get();
}

bool wantsEnd(const Napi::CallbackInfo& info) { return info[2].IsBoolean() && info[2].As<Napi::Boolean>().Value(); }

Napi::Value spawnMonitorAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  int program = -1;
  try {
    program = programFor(path);
  } catch (const std::system_error& error) {
    const int number = error.code().value();
    Napi::Error thrown = Napi::Error::New(env, "memfd_create " + path + ": " + std::strerror(number));
    thrown.Set("code", Napi::String::New(env, strerrorname_np(number)));
    thrown.Set("syscall", Napi::String::New(env, "memfd_create"));
    thrown.Set("path", Napi::String::New(env, path));
    throw thrown;
  }
  auto launch = std::make_shared<Launch>(env, wantsEnd(info));
  const auto bytes = info[1].As<Napi::Uint8Array>();
  launch->plan.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  const Napi::Promise promise = launch->deferred.Promise();
  onLauncher([program, launch = std::move(launch), address = Courier::of(env).expect(env)] {
    launch->spawned = spawnMonitor(program, launch->plan.data(), launch->plan.size());
    reapLater(std::move(launch->spawned.pidfd));
    if (launch->spawned.report.error != 0) return deliver(address, launch);
    whenReadable(std::move(launch->spawned.reportFrom), [launch, address](Fd report) {
      takeReport(*launch, std::move(report));
      deliver(address, launch);
    });
  });
  return promise;
}

SpareOrders& ordersOf(const Napi::CallbackInfo& info) { return *info[0].As<Spare>().Data(); }

/// Gives a spare its plan, and promises the report. The container's set-up begins within this call.
Napi::Value giveSpare(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto plan = info[1].As<Napi::Uint8Array>();
  if (!ordersOf(info).give(plan.Data(), plan.ByteLength())) return env.Undefined();
  auto launch = std::make_shared<Launch>(env, wantsEnd(info));
  const Napi::Promise promise = launch->deferred.Promise();
  whenReadable(std::move(ordersOf(info).report),
               [launch = std::move(launch), address = Courier::of(env).expect(env)](Fd report) {
                 takeReport(*launch, std::move(report));
                 deliver(address, launch);
               });
  return promise;
}

void commitSpare(const Napi::CallbackInfo& info) { ordersOf(info).commit(); }

void dropSpare(const Napi::CallbackInfo& info) { ordersOf(info) = SpareOrders(); }

Napi::Value endObject(Napi::Env env, const EndReport& report) {
  Napi::Object object = Napi::Object::New(env);
  if (report.code >= 0) object.Set("code", report.code);
  if (report.signal > 0) object.Set("signal", report.signal);
  object.Set("oomKilled", report.oomKilled != 0);
  object.Set("startedNs", Napi::BigInt::New(env, report.startedNs));
  object.Set("finishedNs", Napi::BigInt::New(env, report.finishedNs));
  object.Set("startedBootNs", Napi::BigInt::New(env, report.startedBootNs));
  object.Set("finishedBootNs", Napi::BigInt::New(env, report.finishedBootNs));
  Napi::Object counters = Napi::Object::New(env);
  eachCounter(report.counters, [&counters](const char* name, std::uint64_t value) {
    if (value != UINT64_MAX) counters.Set(name, static_cast<double>(value));
  });
  object.Set("counters", counters);
  return object;
}

/// Promises the end: undefined where the monitor ended without telling one. Never settles once it was left.
Napi::Value awaitEnd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  End& end = *info[0].As<EndHandle>().Data();
  const auto deferred = Napi::Promise::Deferred::New(env);
  end.over = std::make_shared<bool>(false);
  Fd waited = std::move(*end.report);
  whenReadable(std::move(waited),
               [deferred, over = end.over, kept = end.report, address = Courier::of(env).expect(env)](Fd from) {
                 EndReport report;
                 const bool told = ::read(from.get(), &report, sizeof report) == static_cast<ssize_t>(sizeof report);
                 auto carried = std::make_shared<Fd>(std::move(from));
                 address.deliver([deferred, over, kept, carried, report, told](Napi::Env current) {
                   if (std::exchange(*over, true)) return;
                   *kept = std::move(*carried);
                   Courier::of(current).settled(current);
                   deferred.Resolve(told ? endObject(current, report) : current.Undefined());
                 });
               });
  return deferred.Promise();
}

void leaveEnd(const Napi::CallbackInfo& info) {
  const End& end = *info[0].As<EndHandle>().Data();
  end.report->reset();
  if (end.over && !std::exchange(*end.over, true)) Courier::of(info.Env()).settled(info.Env());
}

}  // namespace

void exportSpawn(Napi::Env env, Napi::Object exports) {
  exports.Set("spawnMonitor", Napi::Function::New(env, spawnMonitorAsync, "spawnMonitor"));
  exports.Set("giveSpare", Napi::Function::New(env, giveSpare, "giveSpare"));
  exports.Set("sparePlanBytes", Napi::Number::New(env, kSecondPlanCapacity));
  exports.Set("commitSpare", Napi::Function::New(env, commitSpare, "commitSpare"));
  exports.Set("dropSpare", Napi::Function::New(env, dropSpare, "dropSpare"));
  exports.Set("awaitEnd", Napi::Function::New(env, awaitEnd, "awaitEnd"));
  exports.Set("leaveEnd", Napi::Function::New(env, leaveEnd, "leaveEnd"));
}

}  // namespace granule

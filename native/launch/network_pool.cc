#include "launch/network_pool.h"

#include <fcntl.h>
#include <sched.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/loopback.h"

namespace granule {

namespace {

/// As many as start at once on a small host; each holds some 225 KiB of kernel memory.
constexpr std::size_t kReady = 4;

struct Pool {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Fd> ready;
  unsigned startsUnderWay = 0;
  bool running = false;
};

/// Never destroyed: its thread runs to the end of the process.
Pool& pool() {
  static auto* const made = std::make_unique<Pool>().release();
  return *made;
}

/// The calling thread moves into the namespace, which is its own alone: namespaces are a thread's (unshare(2)).
Fd makeNamespace() {
  if (::unshare(CLONE_NEWNET) != 0 || !kernel::bringLoopbackUp()) return Fd();
  return Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

void fill() {
  Pool& shared = pool();
  std::unique_lock<std::mutex> lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return shared.startsUnderWay == 0 && shared.ready.size() < kReady; });
    lock.unlock();
    Fd made = makeNamespace();
    lock.lock();
    // A host that refuses this once would refuse it always; each container then tells the reason by itself.
    if (!made.valid()) return;
    shared.ready.push_back(std::move(made));
  }
}

}  // namespace

Fd NetworkPool::take() {
  Pool& shared = pool();
  const std::lock_guard<std::mutex> lock(shared.mutex);
  if (!shared.running) {
    shared.running = true;
    std::thread(fill).detach();
  }
  if (shared.ready.empty()) return Fd();
  Fd taken = std::move(shared.ready.back());
  shared.ready.pop_back();
  return taken;
}

NetworkPool::Start::Start() {
  const std::lock_guard<std::mutex> lock(pool().mutex);
  ++pool().startsUnderWay;
}

NetworkPool::Start::~Start() {
  const std::lock_guard<std::mutex> lock(pool().mutex);
  if (--pool().startsUnderWay == 0) pool().changed.notify_one();
}

}  // namespace granule

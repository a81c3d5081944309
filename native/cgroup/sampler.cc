#include "cgroup/sampler.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace granule {

namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

}  // namespace

Sampler::Sampler(OnTick onTick)
    : onTick_(std::move(onTick)),
      timer_(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!timer_.valid()) fail("timerfd_create");
  if (!wake_.valid()) fail("eventfd");
  arm();
  // The thread inherits the mask: signals are for node's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Sampler::add(std::uint32_t key, const TargetPaths& paths) {
  auto entry = std::make_shared<Entry>(Entry{Target(key, paths), std::nullopt});
  const std::lock_guard lock(mutex_);
  // The one that was there goes with `entry`: a descriptor is not closed under the lock.
  targets_[key].swap(entry);
}

void Sampler::remove(std::uint32_t key) {
  std::shared_ptr<Entry> gone;
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(key);
  if (found == targets_.end()) return;
  gone = std::move(found->second);
  targets_.erase(found);
}

Row Sampler::read(std::uint32_t key) const {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = targets_.find(key);
    if (found != targets_.end()) entry = found->second;
  }
  return entry ? entry->target.read(nullptr) : Row();
}

void Sampler::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    // An eventfd takes 2^64 - 2 of these before it refuses one.
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
    thread_.join();
  }
  const std::lock_guard lock(mutex_);
  targets_.clear();
}

void Sampler::arm() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  itimerspec spec{};
  spec.it_value.tv_sec = now.tv_sec + 1;
  spec.it_interval.tv_sec = 1;
  if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr) < 0) {
    fail("timerfd_settime");
  }
}

void Sampler::run() {
  pthread_setname_np(pthread_self(), "granule-sampler");
  pollfd waits[] = {{timer_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    std::uint64_t expirations = 0;
    if (::read(timer_.get(), &expirations, sizeof(expirations)) < 0) {
      if (errno == ECANCELED) arm();
      continue;
    }
    if (!onTick_(readAll())) return;
  }
}

std::vector<double> Sampler::readAll() const {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::lock_guard lock(mutex_);
    entries.reserve(targets_.size());
    for (const auto& [key, entry] : targets_) entries.push_back(entry);
  }
  std::vector<double> rows;
  rows.reserve(entries.size() * kColumns);
  for (const auto& entry : entries) {
    const Row row = entry->target.read(entry->last ? &*entry->last : nullptr);
    entry->last = row;
    rows.insert(rows.end(), row.values.begin(), row.values.end());
  }
  return rows;
}

}  // namespace granule

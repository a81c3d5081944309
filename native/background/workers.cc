#include "background/workers.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace granule {

namespace {

/// Threads that are made at first use and stay; the process takes them along at its end. With patience one waits for
/// more before it begins: what comes in meanwhile wakes nobody.
class Workers {
 public:
  Workers(const char* name, unsigned count, std::chrono::milliseconds patience)
      : name_(name), count_(count), patience_(patience) {}

  void post(std::function<void()> work) {
    bool first = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      first = waiting_.empty();
      waiting_.push_back(std::move(work));
      for (; threads_ < count_; ++threads_) begin();
    }
    if (first || patience_.count() == 0) filled_.notify_one();
  }

 private:
  void begin() {
    // The thread inherits the mask: signals are for node's own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { run(); }).detach();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  [[noreturn]] void run() {
    ::pthread_setname_np(::pthread_self(), name_);
    for (;;) {
      std::function<void()> work;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        while (waiting_.empty()) {
          filled_.wait(lock, [this] { return !waiting_.empty(); });
          if (patience_.count() == 0) continue;
          lock.unlock();
          std::this_thread::sleep_for(patience_);
          lock.lock();
        }
        work = std::move(waiting_.front());
        waiting_.pop_front();
      }
      work();
    }
  }

  const char* name_;
  unsigned count_;
  std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void()>> waiting_;
  unsigned threads_ = 0;
};

/// A start holds its thread for the fork and the exec of its monitor; the rest is waited for elsewhere.
unsigned launchers() { return std::clamp(std::thread::hardware_concurrency(), 2U, 8U); }

}  // namespace

// Never destroyed: at the end of the process their threads may still stand in them.
void onLauncher(std::function<void()> work) {
  static auto& workers = *new Workers("granule-launch", launchers(), {});
  workers.post(std::move(work));
}

void onTidier(std::function<void()> work) {
  static auto& workers = *new Workers("granule-tidy", 1, std::chrono::milliseconds(5));
  workers.post(std::move(work));
}

}  // namespace granule

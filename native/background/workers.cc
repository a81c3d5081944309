#include "background/workers.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace granule {

namespace {

/// Threads that are made at first use and stay; the process takes them along at its end.
class Workers {
 public:
  Workers(const char* name, unsigned count) : name_(name), count_(count) {}

  void post(std::function<void()> work) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(std::move(work));
      for (; threads_ < count_; ++threads_) begin();
    }
    filled_.notify_one();
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
        filled_.wait(lock, [this] { return !waiting_.empty(); });
        work = std::move(waiting_.front());
        waiting_.pop_front();
      }
      work();
    }
  }

  const char* name_;
  unsigned count_;
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
  static auto& workers = *new Workers("granule-launch", launchers());
  workers.post(std::move(work));
}

void onTidier(std::function<void()> work) {
  static auto& workers = *new Workers("granule-tidy", 1);
  workers.post(std::move(work));
}

}  // namespace granule

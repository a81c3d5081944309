#include "launch/workers.h"

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

/// Threads that are made as they are needed and stay; the process takes them along at its end.
class Workers {
 public:
  Workers(const char* name, unsigned most) : name_(name), most_(most) {}

  void post(std::function<void()> work) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(std::move(work));
      if (idle_ < waiting_.size() && threads_ < most_) grow();
    }
    filled_.notify_one();
  }

 private:
  void grow() {
    ++threads_;
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
        ++idle_;
        filled_.wait(lock, [this] { return !waiting_.empty(); });
        --idle_;
        work = std::move(waiting_.front());
        waiting_.pop_front();
      }
      work();
    }
  }

  const char* name_;
  unsigned most_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void()>> waiting_;
  std::size_t idle_ = 0;
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

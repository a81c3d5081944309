#include "launch/watcher.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include <array>
#include <memory>
#include <thread>
#include <utility>

namespace granule {

namespace {

struct Watch {
  Fd descriptor;
  std::function<void(Fd)> ready;
};

void serve(int epoll) {
  std::array<epoll_event, 32> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int index = 0; index < count; ++index) {
      const std::unique_ptr<Watch> watch(static_cast<Watch*>(events[static_cast<std::size_t>(index)].data.ptr));
      // A spawn under way may hold a copy until its exec, so that the close alone would leave the watch behind.
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, watch->descriptor.get(), nullptr);
      watch->ready(std::move(watch->descriptor));
    }
  }
}

/// Started at first use, and never ended: the process takes it along.
int sharedEpoll() {
  static const int epoll = [] {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    std::thread(serve, made).detach();
    return made;
  }();
  return epoll;
}

}  // namespace

void whenReadable(Fd descriptor, std::function<void(Fd)> ready) {
  if (!descriptor.valid()) return;
  const int number = descriptor.get();
  auto watch = std::make_unique<Watch>(Watch{std::move(descriptor), std::move(ready)});
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = watch.release();
  ::epoll_ctl(sharedEpoll(), EPOLL_CTL_ADD, number, &event);
}

void reapLater(Fd pidfd) {
  whenReadable(std::move(pidfd), [](Fd ended) {
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(ended.get()), &info, WEXITED | __WALL);
  });
}

}  // namespace granule

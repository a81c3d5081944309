#include "launch/reaper.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include <array>
#include <thread>

namespace granule {

namespace {

void reapAll(int epoll) {
  std::array<epoll_event, 32> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int index = 0; index < count; ++index) {
      const Fd pidfd(events[static_cast<std::size_t>(index)].data.fd);
      siginfo_t info{};
      ::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | __WALL);
      // A spawn under way may hold a copy until its exec; the close alone would leave the watch, and the next event
      // would close whoever has the number by then.
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, pidfd.get(), nullptr);
    }
  }
}

/// Started at first use, and never ended: the process takes it along.
int reaperEpoll() {
  static const int epoll = [] {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    std::thread(reapAll, made).detach();
    return made;
  }();
  return epoll;
}

}  // namespace

void reapLater(Fd pidfd) {
  if (!pidfd.valid()) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = pidfd.release();
  ::epoll_ctl(reaperEpoll(), EPOLL_CTL_ADD, event.data.fd, &event);
}

}  // namespace granule

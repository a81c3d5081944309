#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/text.h"
#include "monitor/monitor.h"

namespace granule {

int Monitor::run(Fd reportTo) {
  Report report{};
  created_ = Instant::now();
  if (!(config_.standsBy ? startSpare(report, reportTo) : startChild(report))) return endFailed(report, reportTo);
  if (config_.terminal) {
    child_.input.reset();
    child_.output.reset();
    child_.errors.reset();
  } else {
    if (!config_.keepsStdin) child_.input.reset();
    stdio_.usePipes(std::move(child_.input), std::move(child_.output), std::move(child_.errors));
  }
  report.pid = child_.pid;
  report.createdNs = created_.wallNs;
  report.startedNs = exit_.started.wallNs;
  report.startedBootNs = exit_.started.bootNs;
  const bool told = ::write(reportTo.get(), &report, sizeof report) == sizeof report;
  reportTo_ = std::move(reportTo);
  // Nobody waits for a container that was only created: node died in between, and will not know of it.
  if (!told && state_ == State::Created) {
    ::unlink(config_.socket);
    return 1;
  }
  loop();
  return 0;
}

bool Monitor::startChild(Report& report) {
  if (!openLog(report) || !openSocket(report)) return false;
  child_ = spawn(plan_, config_, standby_, report);
  if (report.error == 0) openNetwork();
  if (report.error == 0 && awaitChild(report, config_.startsAtOnce)) return true;
  ::unlink(config_.socket);
  return false;
}

bool Monitor::openLog(Report& report) {
  if (config_.log == nullptr || *config_.log == '\0') return true;
  if (log_.open(config_.log, config_.logMaxBytes, config_.logMaxFiles)) return true;
  report.fail(Op::Log, errno, config_.log);
  return false;
}

bool Monitor::openSocket(Report& report) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(config_.socket);
  int error = length < sizeof address.sun_path ? 0 : ENAMETOOLONG;
  if (error == 0) {
    std::memcpy(address.sun_path, config_.socket, length + 1);
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const mode_t before = ::umask(0177);
    ::unlink(config_.socket);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 64) != 0) {
      error = errno;
    }
    ::umask(before);
  }
  if (error == 0) return true;
  report.fail(Op::Socket, error, config_.socket);
  return false;
}

void Monitor::openNetwork() {
  if ((config_.cloneFlags & CLONE_NEWNET) == 0) return;
  Text<64> path;
  path.put("/proc/").number(static_cast<std::uint64_t>(child_.pid)).put("/net/dev");
  network_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

bool Monitor::receiveFromChild(Report& report, bool& ready, bool& executed) {
  Report message{};
  iovec piece{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(child_.sync.get(), &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* passed = got > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (passed != nullptr && passed->cmsg_type == SCM_RIGHTS) {
    int master = -1;
    std::memcpy(&master, CMSG_DATA(passed), sizeof master);
    stdio_.useTerminal(Fd(master));
    return true;
  }
  if (got == static_cast<ssize_t>(sizeof message)) {
    ready = message.error == 0;
    if (!ready) report = message;
    return ready;
  }
  executed = true;
  return true;
}

bool Monitor::awaitChild(Report& report, bool untilExec) {
  for (;;) {
    bool ready = false;
    bool executed = false;
    if (!receiveFromChild(report, ready, executed)) {
      reapChild();
      return false;
    }
    if (executed && standby_.used() && !standby_.committed()) {
      report.fail(Step::MonitorDied, ECHILD, "");
      reapChild();
      return false;
    }
    if (executed) {
      // The socket closes by exec, and by a death before it: only in the first case is the process still there or
      // has it run. A child that dies unheard is killed from outside; its status tells.
      child_.sync.reset();
      exit_.started = Instant::now();
      state_ = State::Running;
      return true;
    }
    if (!ready) continue;
    if (!untilExec) return true;
    const char go = 1;
    if (::send(child_.sync.get(), &go, 1, MSG_NOSIGNAL) != 1) {
      report.fail(Step::MonitorDied, errno, "");
      reapChild();
      return false;
    }
  }
}

void Monitor::reapChild() {
  if (child_.pidfd.valid()) {
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(child_.pidfd.get()), &info, WEXITED | __WALL);
  }
  child_.pidfd.reset();
}

int Monitor::endFailed(const Report& report, Fd& reportTo) {
  const bool told = ::write(reportTo.get(), &report, sizeof report) == sizeof report;
  if (report.step == static_cast<std::uint32_t>(Step::Abandoned)) {
    removeCgroups();
  } else if (!told && config_.exitRecord != nullptr) {
    writeExitRecord(config_.exitRecord, exit_, counters_, &report);
  }
  return 1;
}

}  // namespace granule

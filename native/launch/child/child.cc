#include "launch/child/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/loopback.h"
#include "launch/child/credentials.h"
#include "launch/child/process.h"
#include "launch/child/root.h"

namespace granule {

namespace {

/// The child while it works through the plan.
class Child {
 public:
  explicit Child(const ChildContext& context) : context_(context) {}

  [[noreturn]] void run() {
    if (!context_.config.enters) {
      check(static_cast<std::uint32_t>(Step::Private), makeMountsPrivate() ? done() : failed("/"));
      // Not by clone3: it would take the monitor's cgroup for the namespace's root, not the one cloned into.
      check(static_cast<std::uint32_t>(Step::CgroupNamespace),
            ::unshare(CLONE_NEWCGROUP) == 0 ? done() : failed("unshare"));
    }
    work(context_.plan);
    // What ends without an exec is a spare's first plan: standBy() has put the second in its place.
    if (context_.standby.used()) work(context_.plan);
    fail(static_cast<std::uint32_t>(Op::Exec), failedWith(EINVAL, "plan"));
  }

 private:
  void work(const PlanView& plan) {
    plan.each([this](const OpView& op) {
      check(static_cast<std::uint32_t>(op.kind()), execute(op));
      return true;
    });
  }

  StepResult execute(const OpView& op) {
    switch (op.kind()) {
      case Op::SetNamespaces:
        return enterNamespaces(context_, op);
      case Op::OomScore:
        return root_.inHost([&op] { return setOomScore(op); });
      case Op::StageRoot:
        return root_.stage(op, Fd(context_.hostNamespace));
      case Op::Standby:
        return standBy();
      case Op::Adopt:
        return root_.adopt(op);
      case Op::RootOverlay:
        return root_.overlay(op);
      case Op::RootBind:
        return root_.bindRoot(op);
      case Op::Mount:
        return root_.mount(op);
      case Op::Bind:
        return root_.bind(op);
      case Op::Device:
        return root_.device(op);
      case Op::Symlink:
        return root_.symlink(op);
      case Op::Volume:
        return root_.volume(op);
      case Op::Directory:
        return root_.directory(op);
      case Op::Mask:
        return root_.mask(op);
      case Op::ReadOnlyPath:
        return root_.readOnlyPath(op);
      case Op::WriteFile:
        return root_.writeFile(op);
      case Op::RootReadOnly:
        return root_.readOnly();
      case Op::Console:
        return openTerminal(op);
      case Op::PivotRoot:
        return root_.pivot();
      case Op::Hostname:
        return setHostname(op);
      case Op::LoopbackUp:
        return kernel::bringLoopbackUp() ? done() : failed("lo");
      case Op::Sysctl:
        return setSysctl(op);
      case Op::Rlimit:
        return setRlimit(op);
      case Op::Capabilities:
        return setCapabilities(op);
      case Op::User:
        return becomeUser(op);
      case Op::WorkingDir:
        return enterWorkingDirectory(op);
      case Op::NoNewPrivileges:
        return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? done() : failed("PR_SET_NO_NEW_PRIVS");
      case Op::Seccomp:
        // A spare's child takes on the filter while it is waited for: what it does from then on, each filter lets pass.
        if (!context_.standby.used()) waitForStart();
        return installSeccomp(op);
      case Op::Umask:
        ::umask(static_cast<mode_t>(op.number(0)));
        return done();
      case Op::Exec:
        waitForStart();
        return exec(context_);
      case Op::Namespaces:
      case Op::Cgroup:
      case Op::CgroupJoin:
      case Op::Socket:
      case Op::Log:
      case Op::ExitRecord:
      case Op::Stdio:
      case Op::Start:
      case Op::MonitorCgroup:
      case Op::DeviceFilter:
        return done();
    }
    return failedWith(EINVAL, "plan");
  }

  /// Says that all is made that every container has, and waits to hear which one this becomes.
  StepResult standBy() {
    // A monitor that is killed takes its spare along.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failed("PR_SET_PDEATHSIG");
    sendReady();
    // Where it is given up, the monitor hears it, and ends this process.
    if (!context_.standby.awaitOrder()) return failed("eventfd");
    context_.plan = context_.standby.plan();
    if (!context_.plan.valid() || !readConfig(context_.plan, context_.config)) return failedWith(EINVAL, "plan");
    return done();
  }

  StepResult openTerminal(const OpView& op) {
    Fd master;
    const StepResult opened = root_.console(op, master, terminal_);
    if (opened.error != 0) return opened;
    char byte = 'T';
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int descriptor = master.get();
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return ::sendmsg(context_.sync, &message, MSG_NOSIGNAL) == 1 ? done() : failed("terminal");
  }

  StepResult becomeUser(const OpView& op) {
    const StepResult placed = placeStreams();
    if (placed.error != 0) return placed;
    if (context_.config.terminal && ::fchown(0, static_cast<uid_t>(op.number(0)), static_cast<gid_t>(-1)) != 0) {
      return failed("terminal");
    }
    return setUser(op);
  }

  StepResult placeStreams() {
    if (placed_) return done();
    placed_ = true;
    return placeStdio(context_, terminal_.get());
  }

  void waitForStart() {
    if (started_) return;
    started_ = true;
    const Config& config = context_.config;
    if (context_.standby.used()) {
      // The monitor's log and socket stand, and whoever asked has written down that it did.
      awaitMonitor();
      if (!context_.standby.awaitOrder()) fail(static_cast<std::uint32_t>(Op::Standby), failed("eventfd"));
      context_.standby.noteCommit();
      if (config.startsAtOnce) return;
    } else if (config.startsAtOnce && !config.hasJoins) {
      return;
    }
    sendReady();
    awaitMonitor();
  }

  void sendReady() {
    const Report ready{};
    if (::send(context_.sync, &ready, sizeof ready, MSG_NOSIGNAL) != sizeof ready) ::_exit(125);
  }

  void awaitMonitor() {
    char go = 0;
    // End of file: the monitor is gone, and with it whoever could have asked for the start.
    if (::recv(context_.sync, &go, 1, 0) != 1) ::_exit(125);
  }

  void check(std::uint32_t step, const StepResult& result) {
    if (result.error != 0) fail(step, result);
  }

  [[noreturn]] void fail(std::uint32_t step, const StepResult& result) {
    Report report{};
    report.fail(step, result.error, result.path);
    ::send(context_.sync, &report, sizeof report, MSG_NOSIGNAL);
    ::_exit(125);
  }

  ChildContext context_;
  Root root_;
  Fd terminal_;
  bool started_ = false;
  bool placed_ = false;
};

}  // namespace

StepResult failed(const char* path) { return {errno, path}; }

StepResult failedWith(int error, const char* path) { return {error, path}; }

void runChild(const ChildContext& context) {
  Child child(context);
  child.run();
}

}  // namespace granule

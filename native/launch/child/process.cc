#include "launch/child/process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "kernel/fd.h"
#include "kernel/syscalls.h"

namespace granule {

namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

StepResult writeWhole(int file, const char* content, const char* path) {
  const std::size_t length = std::strlen(content);
  return ::write(file, content, length) == static_cast<ssize_t>(length) ? done() : failed(path);
}

const char* searchPath(char** env) {
  for (char** entry = env; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "PATH=", 5) == 0) return *entry + 5;
  }
  return kDefaultPath;
}

}  // namespace

StepResult enterNamespaces(const ChildContext& context, const OpView& op) {
  // The pid namespace was entered by the monitor: it counts for children only (setns(2)).
  const int wanted = static_cast<int>(op.number(2)) & ~CLONE_NEWPID;
  return ::setns(context.target, wanted) == 0 ? done() : failed("setns");
}

StepResult setHostname(const OpView& op) {
  return ::sethostname(op.first(), std::strlen(op.first())) == 0 ? done() : failed(op.first());
}

StepResult setSysctl(const OpView& op) {
  // A procfs of our own, never the one the image can cover or link away (CVE-2025-52881).
  const Fd context(kernel::fsopen("proc"));
  if (!context.valid() || kernel::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return failed("proc");
  }
  const Fd proc(kernel::fsmount(context.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  const Fd folder(kernel::openat2(proc.get(), "sys", O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_SYMLINKS));
  const Fd file(kernel::openat2(folder.get(), op.first(), O_WRONLY | O_CLOEXEC,
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
  if (!file.valid()) return failed(op.first());
  return writeWhole(file.get(), op.next(op.first()), op.first());
}

StepResult setOomScore(const OpView& op) {
  // Executed before the pivot, while /proc is still the host's.
  char score[16];
  std::snprintf(score, sizeof score, "%d", static_cast<int>(op.number(0)) - 1000);
  const char* path = "/proc/self/oom_score_adj";
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  return file.valid() ? writeWhole(file.get(), score, path) : failed(path);
}

StepResult enterWorkingDirectory(const OpView& op) {
  const char* path = op.first();
  if (::chdir(path) != 0) {
    if (errno != ENOENT || op.number(0) == 0) return failed(path);
    char prefix[PATH_MAX];
    const std::size_t length = std::strlen(path);
    if (length >= sizeof prefix) return failedWith(ENAMETOOLONG, path);
    for (std::size_t at = 1; at <= length; ++at) {
      if (path[at] != '/' && path[at] != '\0') continue;
      std::memcpy(prefix, path, at);
      prefix[at] = '\0';
      if (::mkdir(prefix, 0755) != 0 && errno != EEXIST) return failed(path);
    }
    if (::chdir(path) != 0) return failed(path);
  }
  // A leaked descriptor of the host as working directory shows as "(unreachable)" (CVE-2024-21626).
  char now[PATH_MAX];
  if (::getcwd(now, sizeof now) == nullptr) return failed(path);
  return now[0] == '/' ? done() : failedWith(EXDEV, path);
}

StepResult placeStdio(const ChildContext& context, int terminal) {
  const Config& config = context.config;
  if (::setsid() < 0 && errno != EPERM) return failed("setsid");
  for (int stream = 0; stream < 3; ++stream) {
    const int pipe = stream == 0 && !config.keepsStdin ? context.null : context.stdio[stream];
    if (::dup2(config.terminal ? terminal : pipe, stream) < 0) return failed("dup2");
  }
  if (!config.terminal) return done();
  winsize size{config.rows, config.columns, 0, 0};
  if (config.rows != 0 && ::ioctl(0, TIOCSWINSZ, &size) != 0) return failed("TIOCSWINSZ");
  return ::ioctl(0, TIOCSCTTY, 0) == 0 ? done() : failed("TIOCSCTTY");
}

StepResult exec(const ChildContext& context) {
  // Without its monitor nobody would log, meter or reap it: it does not outlive it. Cleared by a change of
  // credentials (prctl(2)), so it is set last.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failed("PR_SET_PDEATHSIG");
  if (kernel::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return failed("close_range");
  sigset_t none;
  sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return failed("sigprocmask");
  char** const argv = context.config.argv;
  char** const env = context.config.env;
  const char* name = argv[0];
  if (std::strchr(name, '/') != nullptr) {
    ::execve(name, argv, env);
    return failed(name);
  }
  const std::size_t length = std::strlen(name);
  if (length == 0) return failedWith(ENOENT, name);
  int error = ENOENT;
  char candidate[PATH_MAX];
  for (const char* folder = searchPath(env);; ++folder) {
    const char* end = std::strchr(folder, ':');
    const std::size_t folderLength = end == nullptr ? std::strlen(folder) : static_cast<std::size_t>(end - folder);
    if (folderLength > 0 && folderLength + length + 2 <= sizeof candidate) {
      std::memcpy(candidate, folder, folderLength);
      candidate[folderLength] = '/';
      std::memcpy(candidate + folderLength + 1, name, length + 1);
      ::execve(candidate, argv, env);
      if (errno == EACCES) error = EACCES;
      if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return failed(name);
    }
    if (end == nullptr) return failedWith(error, name);
    folder = end;
  }
}

}  // namespace granule

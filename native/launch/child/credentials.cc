#include "launch/child/credentials.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace granule {

namespace {

constexpr std::size_t kMaxGroups = 256;

using CapabilitySets = std::array<__user_cap_data_struct, 2>;

int capset(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return static_cast<int>(::syscall(SYS_capset, &header, sets.data()));
}

int capget(CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return static_cast<int>(::syscall(SYS_capget, &header, sets.data()));
}

}  // namespace

StepResult setUser(const OpView& op) {
  const auto uid = static_cast<uid_t>(op.number(0));
  const auto gid = static_cast<gid_t>(op.number(1));
  const std::size_t extra = op.numbers() < 2 ? 0 : static_cast<std::size_t>(op.numbers()) - 2;
  if (extra > kMaxGroups) return failedWith(E2BIG, "groups");
  std::array<gid_t, kMaxGroups> groups{};
  for (std::size_t index = 0; index < extra; ++index) groups[index] = static_cast<gid_t>(op.number(2 + index));
  // The process may reopen /dev/stdout by path, so its pipes belong to it; what is no pipe or terminal stays as it is.
  if (uid != 0) {
    for (int stream = 0; stream < 3; ++stream) {
      struct stat status{};
      if (::fstat(stream, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
      if (::fchown(stream, uid, gid) != 0) return failed("stdio");
    }
  }
  // Not by the C library, which would tell all threads, of which there are none.
  if (::syscall(SYS_setgroups, extra, groups.data()) != 0) return failed("setgroups");
  // Kept over the change of uid so that the Capabilities step can cut them to what was asked.
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("PR_SET_KEEPCAPS");
  if (::syscall(SYS_setresgid, gid, gid, gid) != 0) return failed("setresgid");
  if (::syscall(SYS_setresuid, uid, uid, uid) != 0) return failed("setresuid");
  return done();
}

StepResult setCapabilities(const OpView& op) {
  const std::uint64_t bounding = op.number(0);
  const std::uint64_t ambient = op.number(4);
  CapabilitySets now{};
  if (capget(now) != 0) return failed("capget");
  // The change of uid emptied the effective set; dropping from the bounding set needs CAP_SETPCAP in it.
  for (auto& half : now) half.effective = half.permitted;
  if (capset(now) != 0) return failed("capset");
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((bounding >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      if (errno == EINVAL) break;  // past the kernel's last one
      return failed("PR_CAPBSET_DROP");
    }
  }
  CapabilitySets wanted{};
  for (unsigned half = 0; half < 2; ++half) {
    const unsigned shift = half * 32;
    // What the host does not have cannot be given; the intersection is what docker gives too.
    wanted[half].permitted = static_cast<__u32>(op.number(2) >> shift) & now[half].permitted;
    wanted[half].effective = static_cast<__u32>(op.number(1) >> shift) & wanted[half].permitted;
    wanted[half].inheritable = static_cast<__u32>(op.number(3) >> shift) & now[half].permitted;
  }
  if (capset(wanted) != 0) return failed("capset");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return failed("PR_CAP_AMBIENT");
  for (unsigned capability = 0; ambient >> capability != 0 && capability < 63; ++capability) {
    if ((ambient >> capability & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return failed("PR_CAP_AMBIENT");
  }
  return done();
}

StepResult setRlimit(const OpView& op) {
  // An enumeration in glibc, a number elsewhere.
  const auto resource = static_cast<decltype(RLIMIT_CORE)>(op.number(0));
  rlimit wanted{static_cast<rlim_t>(op.number(1)), static_cast<rlim_t>(op.number(2))};
  if (::setrlimit(resource, &wanted) == 0) return done();
  if (errno != EPERM || op.number(3) != 0) return failed("setrlimit");
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return failed("getrlimit");
  wanted.rlim_max = std::min(wanted.rlim_max, now.rlim_max);
  wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
  return ::setrlimit(resource, &wanted) == 0 ? done() : failed("setrlimit");
}

StepResult installSeccomp(const OpView& op) {
  // OpView hands out bytes aligned to 8, which sock_filter needs no more than.
  auto* filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(op.data()));
  sock_fprog program{static_cast<unsigned short>(op.dataBytes() / sizeof(sock_filter)), filter};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? done() : failed("seccomp");
}

}  // namespace granule

#pragma once

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

/// System calls that glibc 2.36 does not wrap, or wraps in headers that clash with the kernel's own.
/// Each returns -1 with errno set, as its man page says; none allocates, so all may stand between clone and exec.
namespace granule::kernel {

inline int openat2(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve,
                   std::uint64_t mode = 0) {
  open_how how{};
  how.flags = flags;
  how.mode = mode;
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

inline int fsopen(const char* type) { return static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }

inline int fsconfig(int context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, context, command, key, value, 0));
}

inline int fsmount(int context, unsigned attributes) {
  return static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

inline int open_tree(int directory, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_open_tree, directory, path, flags));
}

inline int move_mount(int from, const char* fromPath, int to, const char* toPath, unsigned flags) {
  return static_cast<int>(::syscall(SYS_move_mount, from, fromPath, to, toPath, flags));
}

inline int mount_setattr(int directory, const char* path, unsigned flags, mount_attr* attributes) {
  return static_cast<int>(::syscall(SYS_mount_setattr, directory, path, flags, attributes, sizeof *attributes));
}

inline int pivot_root(const char* newRoot, const char* putOld) {
  return static_cast<int>(::syscall(SYS_pivot_root, newRoot, putOld));
}

inline int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

inline int pidfd_send_signal(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

inline int close_range(unsigned first, unsigned last, unsigned flags) {
  return static_cast<int>(::syscall(SYS_close_range, first, last, flags));
}

/// fork(2) by clone3(2): the child returns 0 on a copy of the caller's stack.
inline pid_t clone3(clone_args* arguments) {
  return static_cast<pid_t>(::syscall(SYS_clone3, arguments, sizeof *arguments));
}

}  // namespace granule::kernel

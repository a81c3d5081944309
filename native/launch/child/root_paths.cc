#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/syscalls.h"
#include "launch/child/root.h"

namespace granule {

namespace {

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

bool createFile(int folder, const char* name, mode_t mode, const char* content) {
  const Fd file(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) return false;
  std::size_t left = std::strlen(content);
  while (left > 0) {
    const ssize_t written = ::write(file.get(), content, left);
    if (written < 0) return false;
    content += written;
    left -= static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

Fd Root::open(const char* path, int flags) const {
  const std::uint64_t how = static_cast<std::uint64_t>((flags == 0 ? O_PATH : flags) | O_CLOEXEC);
  const int directory = root_.valid() ? root_.get() : AT_FDCWD;
  return Fd(kernel::openat2(directory, *path == '\0' ? "/" : path, how, root_.valid() ? kInRoot : 0));
}

Fd Root::makeDirectory(const char* path, mode_t mode) const {
  Fd there = open(path, O_PATH | O_DIRECTORY);
  if (there.valid() || errno != ENOENT) return there;
  char prefix[PATH_MAX];
  const std::size_t length = std::strlen(path);
  if (length >= sizeof prefix) {
    errno = ENAMETOOLONG;
    return Fd();
  }
  std::memcpy(prefix, path, length + 1);
  Fd folder = open("/", O_PATH | O_DIRECTORY);
  std::size_t at = 0;
  while (folder.valid() && at < length) {
    while (prefix[at] == '/') ++at;
    if (prefix[at] == '\0') break;
    const std::size_t begin = at;
    while (prefix[at] != '\0' && prefix[at] != '/') ++at;
    const char separator = prefix[at];
    prefix[at] = '\0';
    Fd next = open(prefix, O_PATH | O_DIRECTORY);
    if (!next.valid() && errno == ENOENT) {
      if (::mkdirat(folder.get(), prefix + begin, mode) != 0 && errno != EEXIST) return Fd();
      next = open(prefix, O_PATH | O_DIRECTORY);
    }
    folder = std::move(next);
    prefix[at] = separator;
  }
  return folder;
}

Fd Root::parent(const char* path, const char*& name) const {
  const char* slash = std::strrchr(path, '/');
  name = slash == nullptr ? path : slash + 1;
  if (*name == '\0' || std::strcmp(name, "..") == 0 || std::strcmp(name, ".") == 0) {
    errno = EINVAL;
    return Fd();
  }
  char folder[PATH_MAX];
  const std::size_t length = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
  if (length >= sizeof folder) {
    errno = ENAMETOOLONG;
    return Fd();
  }
  std::memcpy(folder, path, length);
  folder[length] = '\0';
  return makeDirectory(folder, 0755);
}

StepResult Root::device(const OpView& op) {
  const char* path = op.first();
  const char* name = nullptr;
  const Fd folder = parent(path, name);
  if (!folder.valid()) return failed(path);
  const mode_t mode = static_cast<mode_t>(op.number(0));
  const dev_t number = makedev(static_cast<unsigned>(op.number(1)), static_cast<unsigned>(op.number(2)));
  if (::mknodat(folder.get(), name, mode, number) != 0 && errno != EEXIST) return failed(path);
  // What stands there is verified by descriptor: an image cannot slip a link or another device in its place
  // (CVE-2025-31133).
  const Fd node(::openat(folder.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!node.valid() || ::fstat(node.get(), &status) != 0) return failed(path);
  if ((status.st_mode & S_IFMT) != (mode & S_IFMT) || status.st_rdev != number) return failedWith(EEXIST, path);
  if (::fchmodat(folder.get(), name, mode & 07777, 0) != 0) return failed(path);
  if (::fchownat(node.get(), "", static_cast<uid_t>(op.number(3)), static_cast<gid_t>(op.number(4)), AT_EMPTY_PATH) !=
      0) {
    return failed(path);
  }
  if (number == makedev(1, 3) && !nullDevice_.valid())
    nullDevice_ = Fd(::openat(folder.get(), name, O_PATH | O_CLOEXEC));
  return done();
}

StepResult Root::symlink(const OpView& op) {
  const char* content = op.first();
  const char* path = op.next(content);
  const char* name = nullptr;
  const Fd folder = parent(path, name);
  if (!folder.valid()) return failed(path);
  if (::symlinkat(content, folder.get(), name) != 0 && errno != EEXIST) return failed(path);
  return done();
}

StepResult Root::directory(const OpView& op) {
  const Fd folder = makeDirectory(op.first(), static_cast<mode_t>(op.number(0)));
  return folder.valid() ? done() : failed(op.first());
}

StepResult Root::writeFile(const OpView& op) {
  const char* path = op.first();
  const char* content = op.next(path);
  const mode_t mode = static_cast<mode_t>(op.number(0));
  const Fd target = open(path);
  const Fd memory = open("/dev", O_PATH | O_DIRECTORY);
  struct stat status{};
  struct statfs system{};
  if (target.valid() && ::fstat(target.get(), &status) == 0 && S_ISREG(status.st_mode) && memory.valid() &&
      ::fstatfs(memory.get(), &system) == 0 && system.f_type == TMPFS_MAGIC) {
    return coverFile(target, memory, op);
  }
  const char* name = nullptr;
  const Fd folder = parent(path, name);
  if (!folder.valid()) return failed(path);
  if (::unlinkat(folder.get(), name, 0) != 0 && errno != ENOENT) return failed(path);
  return createFile(folder.get(), name, mode, content) ? done() : failed(path);
}

StepResult Root::coverFile(const Fd& target, const Fd& memory, const OpView& op) const {
  const char* path = op.first();
  const char* name = ".granule";
  if (!createFile(memory.get(), name, static_cast<mode_t>(op.number(0)), op.next(path))) return failed(path);
  const Fd mount(kernel::open_tree(memory.get(), name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount.valid()) return failed(path);
  mount_attr attributes{};
  attributes.attr_set = op.number(1);
  if (attributes.attr_set != 0 && kernel::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes) != 0) {
    return failed(path);
  }
  const StepResult attached = attach(mount.get(), target.get(), path);
  if (attached.error != 0) return attached;
  return ::unlinkat(memory.get(), name, 0) == 0 ? done() : failed(path);
}

}  // namespace granule

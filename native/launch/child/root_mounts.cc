#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "kernel/syscalls.h"
#include "launch/child/root.h"

// <sys/mount.h> clashes with <linux/mount.h>.
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;
extern "C" int umount2(const char* target, int flags) noexcept;

namespace granule {

namespace {

constexpr unsigned kBothEmpty = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
constexpr unsigned kClone = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
constexpr int kDetach = 2;                                     // MNT_DETACH
constexpr unsigned long kRecursivePrivate = 0x4000 | 0x40000;  // MS_REC | MS_PRIVATE

int setAttributes(int mount, std::uint64_t set, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = set;
  // The access-time attributes are one field and not bits: setting one means clearing the field first.
  if ((set & MOUNT_ATTR__ATIME) != 0) attributes.attr_clr = MOUNT_ATTR__ATIME;
  return kernel::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes);
}

int setOption(int context, const char* key, const char* value) {
  return kernel::fsconfig(context, value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key, value);
}

/// "a=1,b" as fsconfig calls.
int setOptions(int context, const char* options) {
  char copy[1024];
  const std::size_t length = std::strlen(options);
  if (length >= sizeof copy) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(copy, options, length + 1);
  for (char* option = copy; *option != '\0';) {
    char* end = std::strchr(option, ',');
    if (end != nullptr) *end = '\0';
    char* equals = std::strchr(option, '=');
    if (equals != nullptr) *equals = '\0';
    if (*option != '\0' && setOption(context, option, equals == nullptr ? nullptr : equals + 1) != 0) return -1;
    if (end == nullptr) break;
    option = end + 1;
  }
  return 0;
}

/// Lower folders one by one (`lowerdir+`, Linux 6.5), so that no page-sized option string bounds their number.
int addLowers(int context, const OpView& op, const char* first) {
  for (const char* lower = first; *lower != '\0'; lower = op.next(lower)) {
    if (setOption(context, "lowerdir+", lower) != 0) return -1;
  }
  return 0;
}

/// Before Linux 6.5 all folders go into one option string of mount(2), a page long. They are named by descriptor, since
/// /proc/self/fd/N is short however deep the store lies: some 200 layers fit. The mount covers `place`.
int mountInOneString(const OpView& op, const char* upper, const char* work, const char* first, const char* place) {
  char options[4096];
  int used = 0;
  const auto put = [&](const char* before, const char* folder, char separator) {
    const int descriptor = ::open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int room = static_cast<int>(sizeof options) - used;
    if (descriptor < 0 || room < 64) return false;
    used += std::snprintf(options + used, static_cast<std::size_t>(room), "%s/proc/self/fd/%d%c", before, descriptor,
                          separator);
    return true;
  };
  if (*upper != '\0' && (!put("upperdir=", upper, ',') || !put("workdir=", work, ','))) return -1;
  const char* before = "lowerdir=";
  for (const char* lower = first; *lower != '\0'; lower = op.next(lower), before = "") {
    if (!put(before, lower, ':')) return -1;
  }
  options[used - 1] = '\0';
  return ::mount("granule", place, "overlay", 0, options);
}

}  // namespace

bool makeMountsPrivate() { return ::mount(nullptr, "/", nullptr, kRecursivePrivate, nullptr) == 0; }

StepResult Root::attach(int mount, int target, const char* path) const {
  return kernel::move_mount(mount, "", target, "", kBothEmpty) == 0 ? done() : failed(path);
}

StepResult Root::attachRoot(Fd mount, const char* path) {
  // Over the host's own "/" of this private mount namespace: pivot_root wants a mount point, and any will do.
  const int attached = stage_.valid() ? kernel::move_mount(mount.get(), "", stage_.get(), "", kBothEmpty)
                                      : kernel::move_mount(mount.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
  if (attached != 0) return failed(path);
  root_ = std::move(mount);
  return done();
}

StepResult Root::stage(const OpView& op, Fd hostNamespace) {
  const char* path = op.first();
  const Fd context(kernel::fsopen("tmpfs"));
  if (!context.valid() || setOption(context.get(), "mode", "755") != 0 ||
      kernel::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return failed(path);
  }
  Fd mount(kernel::fsmount(context.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  // Not over "/": the detaching of the old root would find it on top, and leave the host's mounts where they are.
  if (!mount.valid() || kernel::move_mount(mount.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return failed(path);
  }
  stage_ = std::move(mount);
  root_ = Fd(::fcntl(stage_.get(), F_DUPFD_CLOEXEC, 3));
  hostNamespace_ = std::move(hostNamespace);
  ownNamespace_ = Fd(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!root_.valid() || !ownNamespace_.valid()) return failed(path);
  // pivot_root looks at every process of the host (chroot_fs_refs), and the detaching waits for all processors: neither
  // is part of a start.
  return replaceHostRoot();
}

StepResult Root::adopt(const OpView& op) {
  const char* path = op.first();
  const Fd staged(kernel::openat2(stage_.get(), path, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_IN_ROOT));
  if (!staged.valid()) return failed(path);
  const Fd target = makeDirectory(path, 0755);
  return target.valid() ? attach(staged.get(), target.get(), path) : failed(path);
}

StepResult Root::overlay(const OpView& op) {
  Fd mount;
  const StepResult made = inHost([&] { return makeOverlay(op, mount); });
  return made.error == 0 ? attachRoot(std::move(mount), op.first()) : made;
}

StepResult Root::makeOverlay(const OpView& op, Fd& mount) const {
  const char* upper = op.first();
  const char* work = op.next(upper);
  const char* lower = op.next(work);
  const Fd context(kernel::fsopen("overlay"));
  if (!context.valid()) return failed("overlay");
  if (*upper != '\0' &&
      (setOption(context.get(), "upperdir", upper) != 0 || setOption(context.get(), "workdir", work) != 0)) {
    return failed(upper);
  }
  if (addLowers(context.get(), op, lower) != 0) {
    if (errno != EINVAL) return failed(lower);
    const char* place = *upper != '\0' ? upper : lower;
    // What mount(2) makes is seen by all of a namespace, which must not be the host's.
    if (hostNamespace_.valid() && (::unshare(CLONE_NEWNS) != 0 || !makeMountsPrivate())) return failed("unshare");
    if (mountInOneString(op, upper, work, lower, place) != 0) return failed(lower);
    mount = Fd(kernel::open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    return mount.valid() && setAttributes(mount.get(), op.number(0), false) == 0 ? done() : failed(place);
  }
  if (setOption(context.get(), "source", "granule") != 0) return failed("source");
  if (kernel::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) return failed(upper);
  mount = Fd(kernel::fsmount(context.get(), static_cast<unsigned>(op.number(0))));
  return mount.valid() ? done() : failed(upper);
}

StepResult Root::bindRoot(const OpView& op) {
  Fd mount;
  const StepResult cloned = cloneHostTree(op.first(), 0, mount);
  if (cloned.error != 0) return cloned;
  if (setAttributes(mount.get(), op.number(0), false) != 0) return failed(op.first());
  return attachRoot(std::move(mount), op.first());
}

StepResult Root::cloneHostTree(const char* path, unsigned flags, Fd& mount) const {
  return inHost([&] {
    mount = Fd(kernel::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags));
    return mount.valid() ? done() : failed(path);
  });
}

StepResult Root::mount(const OpView& op) {
  const char* type = op.first();
  const char* source = op.next(type);
  const char* target = op.next(source);
  const char* options = op.next(target);
  const Fd folder = makeDirectory(target, 0755);
  if (!folder.valid()) return failed(target);
  const Fd context(kernel::fsopen(type));
  if (!context.valid()) return failed(target);
  if (*source != '\0' && setOption(context.get(), "source", source) != 0) return failed(target);
  if (setOptions(context.get(), options) != 0) return failed(target);
  if (kernel::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) return failed(target);
  const Fd mount(kernel::fsmount(context.get(), static_cast<unsigned>(op.number(0))));
  if (!mount.valid()) return failed(target);
  return attach(mount.get(), folder.get(), target);
}

StepResult Root::bind(const OpView& op) {
  const char* source = op.first();
  const char* target = op.next(source);
  const bool recursive = op.number(1) != 0;
  Fd mount;
  const StepResult cloned = cloneHostTree(source, recursive ? AT_RECURSIVE : 0, mount);
  if (cloned.error != 0) return cloned;
  struct stat status{};
  if (::fstatat(mount.get(), "", &status, AT_EMPTY_PATH) != 0) return failed(source);
  Fd place;
  if (S_ISDIR(status.st_mode)) {
    place = makeDirectory(target, 0755);
  } else {
    place = open(target);
    if (!place.valid() && errno == ENOENT) {
      const char* name = nullptr;
      const Fd folder = parent(target, name);
      if (folder.valid()) Fd(::openat(folder.get(), name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644));
      place = open(target);
    }
  }
  if (!place.valid()) return failed(target);
  if (op.number(0) != 0 && setAttributes(mount.get(), op.number(0), recursive) != 0) return failed(target);
  return attach(mount.get(), place.get(), target);
}

StepResult Root::volume(const OpView& op) {
  // A mount of its own: making the root read-only is a matter of the root's mount alone.
  const char* path = op.first();
  const Fd folder = makeDirectory(path, 0755);
  if (!folder.valid()) return failed(path);
  const Fd mount(kernel::open_tree(folder.get(), "", kClone));
  return mount.valid() ? attach(mount.get(), folder.get(), path) : failed(path);
}

StepResult Root::mask(const OpView& op) {
  const char* path = op.first();
  const Fd target = open(path);
  if (!target.valid()) return errno == ENOENT || errno == ENOTDIR ? done() : failed(path);
  struct stat status{};
  if (::fstatat(target.get(), "", &status, AT_EMPTY_PATH) != 0) return failed(path);
  if (!S_ISDIR(status.st_mode)) {
    if (!nullDevice_.valid()) return failedWith(ENODEV, path);
    const Fd mount(kernel::open_tree(nullDevice_.get(), "", kClone));
    return mount.valid() ? attach(mount.get(), target.get(), path) : failed(path);
  }
  if (emptyFolder_.valid()) {
    const Fd mount(kernel::open_tree(emptyFolder_.get(), "", kClone));
    return mount.valid() ? attach(mount.get(), target.get(), path) : failed(path);
  }
  // One empty tmpfs serves every masked folder: the later ones are clones of it.
  const Fd context(kernel::fsopen("tmpfs"));
  if (!context.valid() || setOption(context.get(), "nr_inodes", "2") != 0 ||
      setOption(context.get(), "mode", "555") != 0 ||
      kernel::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return failed(path);
  }
  emptyFolder_ =
      Fd(kernel::fsmount(context.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  return emptyFolder_.valid() ? attach(emptyFolder_.get(), target.get(), path) : failed(path);
}

StepResult Root::readOnlyPath(const OpView& op) {
  const char* path = op.first();
  const Fd target = open(path);
  if (!target.valid()) return errno == ENOENT || errno == ENOTDIR ? done() : failed(path);
  const Fd mount(kernel::open_tree(target.get(), "", kClone | AT_RECURSIVE));
  if (!mount.valid()) return failed(path);
  const std::uint64_t set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (setAttributes(mount.get(), set, true) != 0) return failed(path);
  return attach(mount.get(), target.get(), path);
}

StepResult Root::readOnly() { return setAttributes(root_.get(), MOUNT_ATTR_RDONLY, false) == 0 ? done() : failed("/"); }

StepResult Root::console(const OpView& op, Fd& master, Fd& terminal) {
  const char* multiplexer = "/dev/pts/ptmx";
  master = open(multiplexer, O_RDWR | O_NOCTTY);
  struct stat status{};
  struct statfs system{};
  if (!master.valid() || ::fstat(master.get(), &status) != 0 || ::fstatfs(master.get(), &system) != 0) {
    return failed(multiplexer);
  }
  if (system.f_type != DEVPTS_SUPER_MAGIC || status.st_rdev != makedev(5, 2)) return failedWith(ENXIO, multiplexer);
  int unlock = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) return failed(multiplexer);
  terminal = Fd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return failed(multiplexer);
  const char* path = op.first();
  if (*path == '\0') return done();
  const char* name = nullptr;
  const Fd folder = parent(path, name);
  if (!folder.valid()) return failed(path);
  const Fd created(::openat(folder.get(), name, O_CREAT | O_NOFOLLOW | O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!created.valid()) return failed(path);
  const Fd target(::openat(folder.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const Fd mount(kernel::open_tree(terminal.get(), "", kClone));
  if (!target.valid() || !mount.valid()) return failed(path);
  return attach(mount.get(), target.get(), path);
}

StepResult Root::pivot() {
  if (!stage_.valid()) {
    const StepResult replaced = replaceHostRoot();
    if (replaced.error != 0) return replaced;
  } else if (::fchdir(root_.get()) != 0 || ::chroot(".") != 0) {
    // The root lies over the stage, and so over all of the namespace.
    return failed("/");
  }
  nullDevice_.reset();
  emptyFolder_.reset();
  hostNamespace_.reset();
  ownNamespace_.reset();
  stage_.reset();
  root_.reset();
  return done();
}

StepResult Root::replaceHostRoot() const {
  // pivot_root(2), NOTES: with "." for both, the old root lies over the new one until it is detached.
  if (::fchdir(root_.get()) != 0 || kernel::pivot_root(".", ".") != 0) return failed("/");
  return ::umount2(".", kDetach) == 0 && ::chdir("/") == 0 ? done() : failed("/");
}

}  // namespace granule

#include "unpack/layer_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

/// Deeper trees can be built through symlinks; each level costs a descriptor while it is removed.
constexpr int kRemoveDepthMax = 512;

bool isWhiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

void removeTree(int parent, const char* name, const std::string& entry, int depth) {
  if (unlinkat(parent, name, 0) == 0) return;
  if (errno != EISDIR) throwSystem("unlinkat", entry);
  if (depth > kRemoveDepthMax) throwLimit(entry, "it replaces a tree deeper than 512 folders");
  int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) throwSystem("openat", entry);
  std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(descriptor), closedir);
  while (const dirent* child = readdir(folder.get())) {
    if (std::strcmp(child->d_name, ".") != 0 && std::strcmp(child->d_name, "..") != 0) {
      removeTree(descriptor, child->d_name, entry, depth + 1);
    }
  }
  if (unlinkat(parent, name, AT_REMOVEDIR) != 0) throwSystem("unlinkat", entry);
}

}  // namespace

int LayerFolders::open(const std::string& folder) {
  if (folder.empty()) return root_.get();
  if (cached_.valid() && folder == cached_name_) return cached_.get();
  Fd opened = resolve(folder);
  if (!opened.valid()) opened = make(folder);
  cached_ = std::move(opened);
  cached_name_ = folder;
  return cached_.get();
}

int LayerFolders::find(const std::string& folder) {
  if (folder.empty()) return root_.get();
  if (cached_.valid() && folder == cached_name_) return cached_.get();
  cached_ = resolve(folder);
  cached_name_ = folder;
  return cached_.get();
}

void LayerFolders::remove(int parent, const EntryPath& path) {
  changed_ = true;
  removeTree(parent, path.base.c_str(), path.joined(), 0);
  // The cached name may have led through what went; the descriptor in the caller's hands is still the right folder.
  cached_name_.clear();
}

bool LayerFolders::removeWhiteout(int parent, const EntryPath& path) {
  struct stat status;
  if (fstatat(parent, path.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !isWhiteout(status)) return false;
  if (unlinkat(parent, path.base.c_str(), 0) != 0) throwSystem("unlinkat", path.joined());
  return true;
}

void LayerFolders::makeOpaque(int parent, const EntryPath& path) {
  Fd opened(path.base.empty() ? dup(root_.get())
                              : openat(parent, path.base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.valid()) throwSystem("openat", path.joined());
  if (fsetxattr(opened.get(), "trusted.overlay.opaque", "y", 1, 0) != 0) throwSystem("fsetxattr", path.joined());
}

Fd LayerFolders::resolve(const std::string& folder) const {
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  Fd opened(static_cast<int>(syscall(SYS_openat2, root_.get(), folder.c_str(), &how, sizeof how)));
  if (!opened.valid() && errno != ENOENT && errno != ENOTDIR) throwSystem("openat2", folder);
  return opened;
}

/// Parents that the archive left out: root's, 0755, as the field's other readers make them.
Fd LayerFolders::make(const std::string& folder) {
  const EntryPath path = parseEntryPath(folder);
  Fd parent = path.parent.empty() ? Fd(dup(root_.get())) : resolve(path.parent);
  if (!parent.valid()) parent = make(path.parent);
  const bool hidden = removeWhiteout(parent.get(), path);
  if (mkdirat(parent.get(), path.base.c_str(), 0755) != 0) {
    if (errno == EEXIST) throwFormat(folder, "entries lie below it, and it is no folder");
    throwSystem("mkdirat", folder);
  }
  if (fchmodat(parent.get(), path.base.c_str(), 0755, 0) != 0) throwSystem("fchmodat", folder);
  if (hidden) makeOpaque(parent.get(), path);
  Fd opened = resolve(folder);
  if (!opened.valid()) throwSystem("openat2", folder);
  return opened;
}

}  // namespace granule::unpack

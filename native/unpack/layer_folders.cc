#include "unpack/layer_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>

#include "kernel/syscalls.h"
#include "unpack/error.h"

namespace granule::unpack {

namespace {

/// Enough for the folders that an archive goes back and forth between, few enough to be no burden.
constexpr size_t kCachedMax = 128;
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

LayerFolders::Folder LayerFolders::open(std::string_view folder) {
  if (Folder found = find(folder)) return found;
  const EntryPath path = EntryPath::parse(folder);
  Folder made = make(path);
  keep(path.whole(), made);
  return made;
}

LayerFolders::Folder LayerFolders::find(std::string_view folder) {
  if (folder.empty()) return root_;
  const auto known = cache_.find(folder);
  if (known != cache_.end()) return known->second;
  Folder opened = resolve(folder);
  if (opened) keep(std::string(folder), opened);
  return opened;
}

void LayerFolders::keep(const std::string& folder, const Folder& opened) {
  if (cache_.size() >= kCachedMax) cache_.clear();
  cache_.insert_or_assign(folder, opened);
}

void LayerFolders::remove(int parent, const EntryPath& path) {
  changed_ = true;
  removeTree(parent, path.base(), path.whole(), 0);
  // Cached names may have led through what went; descriptors in a caller's hands are still the right folders.
  cache_.clear();
}

bool LayerFolders::removeWhiteout(int parent, const EntryPath& path) {
  struct stat status;
  if (fstatat(parent, path.base(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !isWhiteout(status)) return false;
  if (unlinkat(parent, path.base(), 0) != 0) throwSystem("unlinkat", path.whole());
  return true;
}

LayerFolders::Folder LayerFolders::resolve(std::string_view folder) const {
  const std::string name(folder);
  Fd opened(kernel::openat2(root_->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                            RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
  if (opened.valid()) return std::make_shared<const Fd>(std::move(opened));
  if (errno != ENOENT && errno != ENOTDIR) throwSystem("openat2", name);
  return nullptr;
}

/// Parents that the archive left out: root's, 0755, as the field's other readers make them.
LayerFolders::Folder LayerFolders::make(const EntryPath& path) {
  const Folder parent = open(path.parent());
  const bool hidden = removeWhiteout(parent->get(), path);
  if (mkdirat(parent->get(), path.base(), 0755) != 0) {
    if (errno == EEXIST) throwFormat(path.whole(), "entries lie below it, and it is no folder");
    throwSystem("mkdirat", path.whole());
  }
  auto made =
      std::make_shared<const Fd>(openat(parent->get(), path.base(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made->valid()) throwSystem("openat", path.whole());
  if (fchmod(made->get(), 0755) != 0) throwSystem("fchmod", path.whole());
  if (hidden) makeOpaque(made->get(), path.whole());
  return made;
}

void makeOpaque(int folder, const std::string& entry) {
  if (fsetxattr(folder, "trusted.overlay.opaque", "y", 1, 0) != 0) throwSystem("fsetxattr", entry);
}

}  // namespace granule::unpack

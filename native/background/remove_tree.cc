#include "background/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "kernel/fd.h"

namespace granule {

namespace {

/// Below this a folder is moved up to the top and emptied from there: neither the stack nor the descriptors may run out
/// by what a container has made.
constexpr int kDeepest = 64;

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

Folder openFolder(int parent, const char* name) {
  const int descriptor = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  Folder folder(descriptor < 0 ? nullptr : ::fdopendir(descriptor), ::closedir);
  if (!folder && descriptor >= 0) ::close(descriptor);
  return folder;
}

class Removal {
 public:
  explicit Removal(int top) : top_(top) {}

  bool empty(int parent, const char* name, int depth) {
    const Folder folder = openFolder(parent, name);
    if (!folder) return errno == ENOENT;
    const int here = ::dirfd(folder.get());
    bool all = true;
    while (const dirent* entry = ::readdir(folder.get())) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      all = remove(here, *entry, depth) && all;
    }
    return all;
  }

  [[nodiscard]] std::uint64_t moved() const { return moved_; }

 private:
  bool remove(int folder, const dirent& entry, int depth) {
    const char* name = entry.d_name;
    if (entry.d_type != DT_DIR && (::unlinkat(folder, name, 0) == 0 || errno == ENOENT)) return true;
    if (entry.d_type != DT_DIR && errno != EISDIR) return false;
    // Most are empty.
    if (::unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (depth >= kDeepest) {
      return moveUp(folder, name);
    }
    return empty(folder, name, depth + 1) && ::unlinkat(folder, name, AT_REMOVEDIR) == 0;
  }

  /// To a name that is free: the container may have used any.
  bool moveUp(int folder, const char* name) {
    for (;;) {
      const std::string up = "deep." + std::to_string(moved_++);
      if (::renameat2(folder, name, top_, up.c_str(), RENAME_NOREPLACE) == 0) return true;
      if (errno != EEXIST) return false;
    }
  }

  int top_;
  std::uint64_t moved_ = 0;
};

}  // namespace

bool removeTree(const std::string& path) {
  const Fd top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top.valid()) return errno == ENOENT;
  Removal removal(top.get());
  // Each pass takes away as many levels as it may, so that it ends.
  for (std::uint64_t moved = 0;; moved = removal.moved()) {
    const bool all = removal.empty(top.get(), ".", 0);
    if (removal.moved() == moved) return all && (::rmdir(path.c_str()) == 0 || errno == ENOENT);
    if (!all) return false;
  }
}

}  // namespace granule

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kernel/fd.h"
#include "unpack/entry_path.h"

namespace granule::unpack {

/// The folders of one layer below its root. Every name is resolved by openat2(2) with RESOLVE_IN_ROOT, so that no
/// symlink of an archive leads out; the last component is never followed. Names belong to one thread.
class LayerFolders {
 public:
  /// A descriptor of a folder, open for reading.
  using Folder = std::shared_ptr<const Fd>;

  /// Takes over the root.
  explicit LayerFolders(Fd root) : root_(std::make_shared<const Fd>(std::move(root))) {}

  const Folder& root() const { return root_; }
  /// A folder, made with its parents where missing.
  Folder open(std::string_view folder);
  /// The same, or null where it is not there (any more).
  Folder find(std::string_view folder);
  /// Remembers a folder just made.
  void keep(const std::string& folder, const Folder& opened);
  /// Removes whatever stands there, a tree as well.
  void remove(int parent, const EntryPath& path);
  /// Removes a whiteout of this layer; whether there was one.
  bool removeWhiteout(int parent, const EntryPath& path);
  /// Whether anything was removed so far: names may lead elsewhere than they did.
  bool changed() const { return changed_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Folder cached(std::string_view folder) const;
  Folder resolve(std::string_view folder) const;
  Folder make(const EntryPath& path);

  Folder root_;
  /// Only removals make a name lead elsewhere; they empty it.
  std::unordered_map<std::string, Folder, Hash, std::equal_to<>> cache_;
  bool changed_ = false;
};

/// Sets trusted.overlay.opaque on a folder: it hides the one of the layers below.
void makeOpaque(int folder, const std::string& entry);

}  // namespace granule::unpack

#pragma once

#include <string>

#include "kernel/fd.h"
#include "unpack/entry_path.h"

namespace granule::unpack {

/// The folders of one layer below its root. Every name is resolved by openat2(2) with RESOLVE_IN_ROOT, so that no
/// symlink of an archive leads out; the last component is never followed. One writer at a time.
class LayerFolders {
 public:
  /// Takes over the root: a descriptor that can be read, not O_PATH.
  explicit LayerFolders(Fd root) : root_(std::move(root)) {}

  int root() const { return root_.get(); }
  /// O_PATH descriptor of a folder, made with its parents where missing; it holds until the next call.
  int open(const std::string& folder);
  /// The same, or -1 where it is not there any more.
  int find(const std::string& folder);
  /// Removes whatever stands there, a tree as well.
  void remove(int parent, const EntryPath& path);
  /// Removes a whiteout of this layer; whether there was one.
  bool removeWhiteout(int parent, const EntryPath& path);
  /// Whether anything was removed so far: names may lead elsewhere than they did.
  bool changed() const { return changed_; }
  /// Sets trusted.overlay.opaque on a folder.
  void makeOpaque(int parent, const EntryPath& path);

 private:
  Fd resolve(const std::string& folder) const;
  Fd make(const std::string& folder);

  Fd root_;
  std::string cached_name_;
  Fd cached_;
  bool changed_ = false;
};

}  // namespace granule::unpack

#pragma once

#include <string>

namespace granule::unpack {

/// An archive's name, cleaned: relative to the layer's root, without `.`, `..` or empty components.
struct EntryPath {
  /// Folder below the root; empty is the root itself.
  std::string parent;
  /// Last component; empty where the name is the root itself.
  std::string base;

  std::string joined() const { return parent.empty() ? base : parent + "/" + base; }
};

/// Cleans a name; a leading `/` means the root, as in every layer reader. Throws UnpackError for `..` and for names
/// that are too long or too deep.
EntryPath parseEntryPath(const std::string& name);

}  // namespace granule::unpack

#pragma once

#include <string>
#include <string_view>

namespace granule::unpack {

/// An archive's name, cleaned: relative to the layer's root, without `.`, `..` or empty components.
class EntryPath {
 public:
  EntryPath() = default;
  /// Of names that are clean already; `base` may be empty.
  EntryPath(std::string_view parent, std::string_view base);

  /// Cleans a name; a leading `/` means the root, as in every layer reader. Throws UnpackError for `..` and for names
  /// that are too long or too deep.
  static EntryPath parse(std::string_view name);

  bool isRoot() const { return whole_.empty(); }
  const std::string& whole() const { return whole_; }
  /// Folder below the root; empty is the root itself.
  std::string_view parent() const { return std::string_view(whole_).substr(0, base_at_ == 0 ? 0 : base_at_ - 1); }
  /// Last component, for system calls; empty where the name is the root itself.
  const char* base() const { return whole_.c_str() + base_at_; }

 private:
  std::string whole_;
  size_t base_at_ = 0;
};

}  // namespace granule::unpack

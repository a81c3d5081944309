#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>

#include "unpack/entry_path.h"
#include "unpack/layer_folders.h"
#include "unpack/tar_entry.h"

namespace granule::unpack {

/// Writes a layer's entries in overlayfs form: whiteouts as character devices 0:0, opaque folders by
/// trusted.overlay.opaque (image-spec layer.md; Documentation/filesystems/overlayfs.rst).
class LayerWriter {
 public:
  using Body = std::function<std::span<const uint8_t>()>;

  explicit LayerWriter(Fd root) : folders_(std::move(root)) {}

  /// Puts one entry in place of whatever stands there; `body` gives a regular file's bytes until it gives none.
  void write(const TarEntry& entry, const Body& body);
  /// Sets the folders' times, once nothing in them changes any more.
  void finish();
  uint64_t skippedXattrs() const { return skipped_xattrs_; }

 private:
  struct FolderTime {
    timespec mtime;
    ino_t inode;
  };

  bool writeMarker(const TarEntry& entry, const EntryPath& path);
  void writeFolder(const TarEntry& entry, const EntryPath& path);
  void writeFile(const TarEntry& entry, const EntryPath& path, const Body& body);
  void writeHardLink(const TarEntry& entry, const EntryPath& path);
  void writeSymlink(const TarEntry& entry, const EntryPath& path);
  void writeNode(const TarEntry& entry, const EntryPath& path);
  /// Calls `make` until it does not fail with EEXIST, removing once what is in the way; its result.
  int place(const char* call, int parent, const EntryPath& path, const std::function<int()>& make);

  LayerFolders folders_;
  std::unordered_map<std::string, FolderTime> folder_times_;
  uint64_t skipped_xattrs_ = 0;
};

}  // namespace granule::unpack

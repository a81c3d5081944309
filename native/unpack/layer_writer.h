#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "unpack/entry_path.h"
#include "unpack/file_queue.h"
#include "unpack/folder_times.h"
#include "unpack/layer_folders.h"
#include "unpack/tar_entry.h"

namespace granule::unpack {

/// Writes a layer's entries in overlayfs form: whiteouts as character devices 0:0, opaque folders by
/// trusted.overlay.opaque (image-spec layer.md; Documentation/filesystems/overlayfs.rst). The calling thread makes
/// every name, in the archive's order; the queue's threads fill the files behind it.
class LayerWriter {
 public:
  using Body = std::function<Bytes()>;

  LayerWriter(Fd root, unsigned threads) : folders_(std::move(root)), files_(threads) {}

  /// Puts one entry in place of whatever stands there; `body` gives a regular file's bytes until it gives none.
  void write(TarEntry&& entry, const Body& body);
  /// Waits for the files and sets the folders' times, once nothing in them changes any more.
  void finish();
  uint64_t skippedXattrs() const { return skipped_xattrs_ + files_.skippedXattrs(); }

 private:
  bool writeMarker(const TarEntry& entry, const EntryPath& path);
  void writeFolder(const TarEntry& entry, const EntryPath& path);
  void writeFile(TarEntry&& entry, const EntryPath& path, const Body& body);
  void writeHardLink(const TarEntry& entry, const EntryPath& path);
  void writeSymlink(const TarEntry& entry, const EntryPath& path);
  void writeNode(const TarEntry& entry, const EntryPath& path);
  /// Calls `make` until it does not fail with EEXIST, removing once what is in the way; its result.
  int place(const char* call, int parent, const EntryPath& path, const std::function<int()>& make);

  LayerFolders folders_;
  FolderTimes folder_times_;
  uint64_t skipped_xattrs_ = 0;
  FileQueue files_;
};

}  // namespace granule::unpack

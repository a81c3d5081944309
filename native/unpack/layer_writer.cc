#include "unpack/layer_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "unpack/attributes.h"
#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
/// Markers of the aufs storage driver; of these only the opaque one has a meaning in layers.
constexpr std::string_view kMetaPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

bool isDevice(const TarEntry& entry) {
  return entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice;
}

Fd openFolder(int parent, const EntryPath& path) {
  Fd folder(openat(parent, path.base(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) throwSystem("openat", path.whole());
  return folder;
}

/// Where in a file the next bytes of its body belong: side by side, unless the file is sparse.
class SparsePosition {
 public:
  explicit SparsePosition(const TarEntry& entry) : entry_(entry) {}

  /// The place of the next bytes, and how many of `most` belong there.
  std::pair<uint64_t, size_t> advance(size_t most) {
    if (!entry_.sparse) return {std::exchange(at_, at_ + most), most};
    const auto& regions = entry_.sparse->regions;
    // The regions hold as many bytes as the body (checkSparse).
    while (at_ == regions[region_].size) {
      ++region_;
      at_ = 0;
    }
    const size_t size = std::min<uint64_t>(most, regions[region_].size - at_);
    return {regions[region_].offset + std::exchange(at_, at_ + size), size};
  }

 private:
  const TarEntry& entry_;
  size_t region_ = 0;
  uint64_t at_ = 0;
};

}  // namespace

void LayerWriter::write(TarEntry&& entry, const Body& body) {
  const EntryPath path = EntryPath::parse(entry.name);
  if (path.isRoot() && entry.type != EntryType::kDirectory) throwFormat(entry.name, "the root can only be a folder");
  if (writeMarker(entry, path)) return;
  switch (entry.type) {
    case EntryType::kDirectory:
      return writeFolder(entry, path);
    case EntryType::kFile:
      return writeFile(std::move(entry), path, body);
    case EntryType::kHardLink:
      return writeHardLink(entry, path);
    case EntryType::kSymlink:
      return writeSymlink(entry, path);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kFifo:
      return writeNode(entry, path);
  }
}

bool LayerWriter::writeMarker(const TarEntry& entry, const EntryPath& path) {
  // Almost no name has it, wherever.
  if (path.whole().find(kWhiteoutPrefix) == std::string::npos) return false;
  const std::string_view base = path.base();
  if (path.whole().starts_with(kMetaPrefix) && path.whole() != kOpaqueMarker) return true;
  const std::string_view folder = path.parent();
  if (folder.starts_with(kWhiteoutPrefix) || folder.find("/.wh.") != std::string_view::npos)
    throwFormat(entry.name, "it lies below a whiteout");
  if (!base.starts_with(kWhiteoutPrefix)) return false;
  if (base == kOpaqueMarker) {
    // open() makes a folder that has no entry of its own (yet).
    makeOpaque(folders_.open(path.parent())->get(), path.whole());
    return true;
  }
  if (base.starts_with(kMetaPrefix)) return true;
  const EntryPath hidden(path.parent(), base.substr(kWhiteoutPrefix.size()));
  const std::string_view name = hidden.base();
  if (name.empty() || name == "." || name == "..") throwFormat(entry.name, "the whiteout names nothing");
  const LayerFolders::Folder parent = folders_.open(hidden.parent());
  if (mknodat(parent->get(), hidden.base(), S_IFCHR, makedev(0, 0)) == 0) return true;
  if (errno != EEXIST) throwSystem("mknodat", entry.name);
  // Whiteouts touch lower layers only: this layer's file stays, and a folder of it hides the one below.
  struct stat status;
  if (fstatat(parent->get(), hidden.base(), &status, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("fstatat", entry.name);
  if (S_ISDIR(status.st_mode)) makeOpaque(openFolder(parent->get(), hidden).get(), entry.name);
  return true;
}

void LayerWriter::writeFolder(const TarEntry& entry, const EntryPath& path) {
  bool again = path.isRoot();
  bool hidden = false;
  LayerFolders::Folder folder = folders_.root();
  if (!path.isRoot()) {
    const LayerFolders::Folder parent = folders_.open(path.parent());
    if (mkdirat(parent->get(), path.base(), entry.mode & 0777) != 0) {
      if (errno != EEXIST) throwSystem("mkdirat", entry.name);
      struct stat status;
      if (fstatat(parent->get(), path.base(), &status, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("fstatat", entry.name);
      again = S_ISDIR(status.st_mode);
      if (!again) {
        hidden = folders_.removeWhiteout(parent->get(), path);
        if (!hidden) folders_.remove(parent->get(), path);
        if (mkdirat(parent->get(), path.base(), entry.mode & 0777) != 0) throwSystem("mkdirat", entry.name);
      }
    }
    folder = std::make_shared<const Fd>(openFolder(parent->get(), path));
    folders_.keep(path.whole(), folder);
  }
  if (again) clearXattrs(folder->get(), entry.name);
  setAttributes(folder->get(), entry, skipped_xattrs_);
  if (hidden) makeOpaque(folder->get(), entry.name);
  struct stat status;
  if (fstat(folder->get(), &status) != 0) throwSystem("fstat", entry.name);
  folder_times_.add(path.whole(), {entry.mtime, status.st_ino});
}

void LayerWriter::writeFile(TarEntry&& entry, const EntryPath& path, const Body& body) {
  const LayerFolders::Folder parent = folders_.open(path.parent());
  // Setuid and the like come once the content is whole.
  const mode_t mode = entry.mode & 0777;
  Fd created(place("openat", parent->get(), path, [&] {
    return openat(parent->get(), path.base(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  }));
  uint64_t left = entry.size;
  const auto file = std::make_shared<OpenFile>(std::move(created), std::move(entry));
  if (left == 0) return files_.add({file, {}, 0}, true);
  SparsePosition position(file->entry);
  while (left > 0) {
    for (Bytes bytes = body(); !bytes.empty();) {
      const auto [offset, size] = position.advance(bytes.span.size());
      left -= size;
      files_.add({file, {bytes.span.first(size), bytes.owner}, offset}, left == 0);
      bytes.span = bytes.span.subspan(size);
    }
  }
}

void LayerWriter::writeHardLink(const TarEntry& entry, const EntryPath& path) {
  const EntryPath target = EntryPath::parse(entry.link);
  const LayerFolders::Folder source = target.isRoot() ? nullptr : folders_.find(target.parent());
  struct stat existing;
  if (!source || fstatat(source->get(), target.base(), &existing, AT_SYMLINK_NOFOLLOW) != 0) {
    throw UnpackError("lower-link", 0, printable(entry.name),
                      "entry \"" + printable(entry.name) + "\": it links to \"" + printable(entry.link) +
                          "\", which is not in this layer");
  }
  if (S_ISDIR(existing.st_mode) || (S_ISCHR(existing.st_mode) && existing.st_rdev == 0)) {
    throwFormat(entry.name, "it links to \"" + printable(entry.link) + "\", which is no file");
  }
  const LayerFolders::Folder parent = folders_.open(path.parent());
  struct stat current;
  if (fstatat(parent->get(), path.base(), &current, AT_SYMLINK_NOFOLLOW) == 0 && current.st_ino == existing.st_ino)
    return;
  place("linkat", parent->get(), path,
        [&] { return linkat(source->get(), target.base(), parent->get(), path.base(), 0); });
}

void LayerWriter::writeSymlink(const TarEntry& entry, const EntryPath& path) {
  if (entry.link.empty()) throwFormat(entry.name, "it is a symlink to nothing");
  if (entry.link.size() >= PATH_MAX) throwLimit(entry.name, "its target is longer than 4095 bytes");
  const LayerFolders::Folder parent = folders_.open(path.parent());
  place("symlinkat", parent->get(), path, [&] { return symlinkat(entry.link.c_str(), parent->get(), path.base()); });
  setAttributesAt(parent->get(), path.base(), entry, skipped_xattrs_);
}

void LayerWriter::writeNode(const TarEntry& entry, const EntryPath& path) {
  const dev_t device = isDevice(entry) ? makedev(entry.device_major, entry.device_minor) : 0;
  // To overlayfs this is a whiteout, which only a `.wh.` entry may make.
  if (entry.type == EntryType::kCharDevice && device == 0) return;
  const mode_t kind = entry.type == EntryType::kFifo         ? S_IFIFO
                      : entry.type == EntryType::kCharDevice ? S_IFCHR
                                                             : S_IFBLK;
  const LayerFolders::Folder parent = folders_.open(path.parent());
  place("mknodat", parent->get(), path, [&] { return mknodat(parent->get(), path.base(), kind | 0600, device); });
  setAttributesAt(parent->get(), path.base(), entry, skipped_xattrs_);
}

int LayerWriter::place(const char* call, int parent, const EntryPath& path, const std::function<int()>& make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    if (!folders_.removeWhiteout(parent, path)) folders_.remove(parent, path);
    result = make();
  }
  if (result < 0) throwSystem(call, path.whole());
  return result;
}

void LayerWriter::finish() {
  files_.finish();
  folder_times_.forEach([&](const std::string& name, const FolderTimes::Record& record) {
    const timespec times[2] = {record.mtime, record.mtime};
    if (name.empty()) {
      if (futimens(folders_.root()->get(), times) != 0) throwSystem("futimens", name);
      return;
    }
    const EntryPath path = EntryPath::parse(name);
    const LayerFolders::Folder parent = folders_.find(path.parent());
    struct stat status;
    // A later entry may have replaced the folder, or a symlink on the way to it.
    if (!parent) return;
    if (folders_.changed() &&
        (fstatat(parent->get(), path.base(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_ino != record.inode)) {
      return;
    }
    if (utimensat(parent->get(), path.base(), times, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("utimensat", name);
  });
}

}  // namespace granule::unpack

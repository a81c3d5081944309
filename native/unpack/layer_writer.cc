#include "unpack/layer_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <vector>

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

void writeAll(int descriptor, std::span<const uint8_t> bytes, const std::string& entry) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throwSystem("write", entry);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

}  // namespace

void LayerWriter::write(const TarEntry& entry, const Body& body) {
  const EntryPath path = parseEntryPath(entry.name);
  if (path.base.empty() && entry.type != EntryType::kDirectory)
    throwFormat(entry.name, "the root can only be a folder");
  if (writeMarker(entry, path)) return;
  switch (entry.type) {
    case EntryType::kDirectory:
      return writeFolder(entry, path);
    case EntryType::kFile:
      return writeFile(entry, path, body);
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
  if (path.joined().starts_with(kMetaPrefix) && path.joined() != kOpaqueMarker) return true;
  if (("/" + path.parent).find("/.wh.") != std::string::npos) throwFormat(entry.name, "it lies below a whiteout");
  if (!path.base.starts_with(kWhiteoutPrefix)) return false;
  if (path.base == kOpaqueMarker) {
    // open() makes a folder that has no entry of its own (yet).
    const int folder = folders_.open(path.parent);
    const EntryPath itself = parseEntryPath(path.parent);
    if (itself.base.empty())
      folders_.makeOpaque(folder, itself);
    else
      folders_.makeOpaque(folder, {itself.parent, "."});
    return true;
  }
  if (path.base.starts_with(kMetaPrefix)) return true;
  const EntryPath hidden{path.parent, path.base.substr(kWhiteoutPrefix.size())};
  if (hidden.base.empty() || hidden.base == "." || hidden.base == "..")
    throwFormat(entry.name, "the whiteout names nothing");
  const int parent = folders_.open(hidden.parent);
  if (mknodat(parent, hidden.base.c_str(), S_IFCHR, makedev(0, 0)) == 0) return true;
  if (errno != EEXIST) throwSystem("mknodat", entry.name);
  // Whiteouts touch lower layers only: this layer's file stays, and a folder of it hides the one below.
  struct stat status;
  if (fstatat(parent, hidden.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("fstatat", entry.name);
  if (S_ISDIR(status.st_mode)) folders_.makeOpaque(parent, hidden);
  return true;
}

void LayerWriter::writeFolder(const TarEntry& entry, const EntryPath& path) {
  bool again = path.base.empty();
  bool hidden = false;
  const int parent = folders_.open(path.parent);
  if (!again && mkdirat(parent, path.base.c_str(), 0700) != 0) {
    if (errno != EEXIST) throwSystem("mkdirat", entry.name);
    struct stat status;
    if (fstatat(parent, path.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("fstatat", entry.name);
    again = S_ISDIR(status.st_mode);
    if (!again) {
      hidden = folders_.removeWhiteout(parent, path);
      if (!hidden) folders_.remove(parent, path);
      if (mkdirat(parent, path.base.c_str(), 0700) != 0) throwSystem("mkdirat", entry.name);
    }
  }
  Fd folder(again && path.base.empty()
                ? dup(folders_.root())
                : openat(parent, path.base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) throwSystem("openat", entry.name);
  if (again) clearXattrs(folder.get(), entry.name);
  setAttributes(folder.get(), entry, skipped_xattrs_);
  if (hidden) folders_.makeOpaque(parent, path);
  struct stat status;
  if (fstat(folder.get(), &status) != 0) throwSystem("fstat", entry.name);
  folder_times_.insert_or_assign(path.joined(), FolderTime{entry.mtime, status.st_ino});
}

void LayerWriter::writeFile(const TarEntry& entry, const EntryPath& path, const Body& body) {
  const int parent = folders_.open(path.parent);
  Fd file(place("openat", parent, path, [&] {
    return openat(parent, path.base.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  }));
  for (auto bytes = body(); !bytes.empty(); bytes = body()) writeAll(file.get(), bytes, entry.name);
  setAttributes(file.get(), entry, skipped_xattrs_);
}

void LayerWriter::writeHardLink(const TarEntry& entry, const EntryPath& path) {
  const EntryPath target = parseEntryPath(entry.link);
  const int found = target.base.empty() ? -1 : folders_.find(target.parent);
  struct stat existing;
  if (found < 0 || fstatat(found, target.base.c_str(), &existing, AT_SYMLINK_NOFOLLOW) != 0) {
    throwFormat(entry.name, "it links to \"" + printable(entry.link) + "\", which is not in this layer");
  }
  if (S_ISDIR(existing.st_mode) || (S_ISCHR(existing.st_mode) && existing.st_rdev == 0)) {
    throwFormat(entry.name, "it links to \"" + printable(entry.link) + "\", which is no file");
  }
  // open() below may replace the cached folder.
  Fd source(fcntl(found, F_DUPFD_CLOEXEC, 0));
  if (!source.valid()) throwSystem("fcntl", entry.name);
  const int parent = folders_.open(path.parent);
  struct stat current;
  if (fstatat(parent, path.base.c_str(), &current, AT_SYMLINK_NOFOLLOW) == 0 && current.st_ino == existing.st_ino)
    return;
  place("linkat", parent, path,
        [&] { return linkat(source.get(), target.base.c_str(), parent, path.base.c_str(), 0); });
}

void LayerWriter::writeSymlink(const TarEntry& entry, const EntryPath& path) {
  if (entry.link.empty()) throwFormat(entry.name, "it is a symlink to nothing");
  if (entry.link.size() >= PATH_MAX) throwLimit(entry.name, "its target is longer than 4095 bytes");
  const int parent = folders_.open(path.parent);
  place("symlinkat", parent, path, [&] { return symlinkat(entry.link.c_str(), parent, path.base.c_str()); });
  setAttributesAt(parent, path.base, entry, skipped_xattrs_);
}

void LayerWriter::writeNode(const TarEntry& entry, const EntryPath& path) {
  const dev_t device = isDevice(entry) ? makedev(entry.device_major, entry.device_minor) : 0;
  // To overlayfs this is a whiteout, which only a `.wh.` entry may make.
  if (entry.type == EntryType::kCharDevice && device == 0) return;
  const mode_t kind = entry.type == EntryType::kFifo         ? S_IFIFO
                      : entry.type == EntryType::kCharDevice ? S_IFCHR
                                                             : S_IFBLK;
  const int parent = folders_.open(path.parent);
  place("mknodat", parent, path, [&] { return mknodat(parent, path.base.c_str(), kind | 0600, device); });
  setAttributesAt(parent, path.base, entry, skipped_xattrs_);
}

int LayerWriter::place(const char* call, int parent, const EntryPath& path, const std::function<int()>& make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    if (!folders_.removeWhiteout(parent, path)) folders_.remove(parent, path);
    result = make();
  }
  if (result < 0) throwSystem(call, path.joined());
  return result;
}

void LayerWriter::finish() {
  std::vector<std::pair<std::string, FolderTime>> folders(folder_times_.begin(), folder_times_.end());
  // Descending order has every folder before its parent, and siblings side by side for the cached descriptor.
  std::sort(folders.begin(), folders.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [name, time] : folders) {
    const timespec times[2] = {time.mtime, time.mtime};
    if (name.empty()) {
      if (futimens(folders_.root(), times) != 0) throwSystem("futimens", name);
      continue;
    }
    const EntryPath path = parseEntryPath(name);
    const int parent = folders_.find(path.parent);
    struct stat status;
    // A later entry may have replaced the folder, or a symlink on the way to it.
    if (parent < 0) continue;
    if (folders_.changed() &&
        (fstatat(parent, path.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_ino != time.inode)) {
      continue;
    }
    if (utimensat(parent, path.base.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("utimensat", name);
  }
}

}  // namespace granule::unpack

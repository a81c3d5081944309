#include "unpack/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

bool belongsToOverlay(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

/// A lost capability or label on a program changes what it may do, so that only harmless losses are passed over.
bool mayBeSkipped(const std::string& name, int number, bool is_file_or_folder) {
  if (name == "security.capability") return false;
  if (number == EOPNOTSUPP) return true;
  // The kernel allows user.* on files and folders alone (xattr(7)).
  return number == EPERM && !is_file_or_folder && name.starts_with("user.");
}

template <typename Set>
void setXattrs(const TarEntry& entry, bool is_file_or_folder, uint64_t& skipped, Set set) {
  for (const auto& [name, value] : entry.xattrs) {
    if (belongsToOverlay(name)) continue;
    if (set(name.c_str(), value) == 0) continue;
    if (!mayBeSkipped(name, errno, is_file_or_folder)) throwSystem("setxattr", entry.name);
    ++skipped;
  }
}

void timesOf(const TarEntry& entry, timespec (&times)[2]) { times[0] = times[1] = entry.mtime; }

}  // namespace

void setAttributes(int descriptor, const TarEntry& entry, uint64_t& skipped_xattrs) {
  // Most have the right owner and mode from their creation, and a look costs a tenth of a change.
  struct stat status;
  if (fstat(descriptor, &status) != 0) throwSystem("fstat", entry.name);
  const bool owned = status.st_uid == entry.uid && status.st_gid == entry.gid;
  if (!owned && fchown(descriptor, entry.uid, entry.gid) != 0) throwSystem("fchown", entry.name);
  if ((!owned || (status.st_mode & 07777) != entry.mode) && fchmod(descriptor, entry.mode) != 0)
    throwSystem("fchmod", entry.name);
  setXattrs(entry, true, skipped_xattrs, [&](const char* name, const std::string& value) {
    return fsetxattr(descriptor, name, value.data(), value.size(), 0);
  });
  if (entry.type == EntryType::kDirectory) return;
  timespec times[2];
  timesOf(entry, times);
  if (futimens(descriptor, times) != 0) throwSystem("futimens", entry.name);
}

void setAttributesAt(int parent, const char* base, const TarEntry& entry, uint64_t& skipped_xattrs) {
  if (fchownat(parent, base, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("fchownat", entry.name);
  if (entry.type != EntryType::kSymlink && fchmodat(parent, base, entry.mode, 0) != 0) {
    throwSystem("fchmodat", entry.name);
  }
  if (!entry.xattrs.empty()) {
    // There is no setxattrat before Linux 6.13.
    const std::string path = "/proc/self/fd/" + std::to_string(parent) + "/" + base;
    setXattrs(entry, false, skipped_xattrs, [&](const char* name, const std::string& value) {
      return lsetxattr(path.c_str(), name, value.data(), value.size(), 0);
    });
  }
  timespec times[2];
  timesOf(entry, times);
  if (utimensat(parent, base, times, AT_SYMLINK_NOFOLLOW) != 0) throwSystem("utimensat", entry.name);
}

void clearXattrs(int descriptor, const std::string& entry) {
  const ssize_t size = flistxattr(descriptor, nullptr, 0);
  if (size <= 0) return;
  std::vector<char> names(static_cast<size_t>(size));
  const ssize_t read = flistxattr(descriptor, names.data(), names.size());
  if (read < 0) throwSystem("flistxattr", entry);
  for (const char* name = names.data(); name < names.data() + read; name += std::strlen(name) + 1) {
    if (!belongsToOverlay(name) && fremovexattr(descriptor, name) != 0) throwSystem("fremovexattr", entry);
  }
}

}  // namespace granule::unpack

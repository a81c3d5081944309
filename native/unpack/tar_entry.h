#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace granule::unpack {

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

/// A file of an archive, with PAX and GNU extensions applied. Names are as the archive has them.
struct TarEntry {
  EntryType type = EntryType::kFile;
  std::string name;
  std::string link;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t size = 0;
  timespec mtime = {};
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

}  // namespace granule::unpack

#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace granule::unpack {

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

/// Where the bytes of a sparse file lie in it; holes between are zeros.
struct SparseMap {
  struct Region {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  /// In ascending order, none over another.
  std::vector<Region> regions;
  /// The file's size, holes included.
  uint64_t real_size = 0;
};

/// A file of an archive, with PAX and GNU extensions applied. Names are as the archive has them.
struct TarEntry {
  EntryType type = EntryType::kFile;
  std::string name;
  std::string link;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  /// Bytes of the body in the archive.
  uint64_t size = 0;
  std::optional<SparseMap> sparse;
  timespec mtime = {};
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;

  uint64_t fileSize() const { return sparse ? sparse->real_size : size; }
};

}  // namespace granule::unpack

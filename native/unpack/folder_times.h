#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace granule::unpack {

/// The times that folders get once nothing in them changes any more: a list in the order of the archive, each name
/// kept as what differs from the one before, so that a layer of a million folders takes some 60 MB and not 200.
class FolderTimes {
 public:
  struct Record {
    timespec mtime;
    ino_t inode;
  };

  void add(const std::string& folder, const Record& record);
  /// Gives every record, oldest first: of two of one folder the later one counts.
  void forEach(const std::function<void(const std::string&, const Record&)>& visit) const;

 private:
  struct Stored {
    Record record;
    /// Bytes taken over from the name before, and how many follow from the pool.
    uint16_t shared;
    uint16_t own;
  };

  std::vector<Stored> records_;
  std::string pool_;
  std::string last_;
};

}  // namespace granule::unpack

#include "unpack/folder_times.h"

#include <algorithm>

namespace granule::unpack {

void FolderTimes::add(const std::string& folder, const Record& record) {
  const auto differs = std::mismatch(folder.begin(), folder.end(), last_.begin(), last_.end()).first;
  const auto shared = static_cast<size_t>(differs - folder.begin());
  // A name is shorter than PATH_MAX.
  records_.push_back({record, static_cast<uint16_t>(shared), static_cast<uint16_t>(folder.size() - shared)});
  pool_.append(folder, shared);
  last_ = folder;
}

void FolderTimes::forEach(const std::function<void(const std::string&, const Record&)>& visit) const {
  std::string name;
  size_t at = 0;
  for (const Stored& stored : records_) {
    name.resize(stored.shared);
    name.append(pool_, at, stored.own);
    at += stored.own;
    visit(name, stored.record);
  }
}

}  // namespace granule::unpack

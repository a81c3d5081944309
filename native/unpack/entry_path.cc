#include "unpack/entry_path.h"

#include <limits.h>

#include <algorithm>
#include <string_view>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr int kDepthMax = 256;

}  // namespace

EntryPath parseEntryPath(const std::string& name) {
  if (name.size() >= PATH_MAX) throwLimit(name, "its name is longer than 4095 bytes");
  EntryPath path;
  int depth = 0;
  for (size_t start = 0; start < name.size();) {
    const size_t slash = std::min(name.find('/', start), name.size());
    const std::string_view component(name.data() + start, slash - start);
    start = slash + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") throwFormat(name, "its name leads upwards by \"..\"");
    if (component.size() > NAME_MAX) throwLimit(name, "a part of its name is longer than 255 bytes");
    if (++depth > kDepthMax) throwLimit(name, "it lies deeper than 256 folders");
    if (!path.base.empty()) path.parent = path.joined();
    path.base = component;
  }
  return path;
}

}  // namespace granule::unpack

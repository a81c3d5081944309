#include "unpack/entry_path.h"

#include <limits.h>

#include <algorithm>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr int kDepthMax = 256;

}  // namespace

EntryPath::EntryPath(std::string_view parent, std::string_view base) : whole_(parent) {
  if (!parent.empty()) whole_ += '/';
  base_at_ = whole_.size();
  whole_ += base;
}

EntryPath EntryPath::parse(std::string_view name) {
  const auto shown = [&] { return std::string(name); };
  if (name.size() >= PATH_MAX) throwLimit(shown(), "its name is longer than 4095 bytes");
  EntryPath path;
  path.whole_.reserve(name.size());
  int depth = 0;
  for (size_t start = 0; start < name.size();) {
    const size_t slash = std::min(name.find('/', start), name.size());
    const std::string_view component = name.substr(start, slash - start);
    start = slash + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") throwFormat(shown(), "its name leads upwards by \"..\"");
    if (component.size() > NAME_MAX) throwLimit(shown(), "a part of its name is longer than 255 bytes");
    if (++depth > kDepthMax) throwLimit(shown(), "it lies deeper than 256 folders");
    if (!path.whole_.empty()) path.whole_ += '/';
    path.base_at_ = path.whole_.size();
    path.whole_ += component;
  }
  return path;
}

}  // namespace granule::unpack

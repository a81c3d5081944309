#include "unpack/sparse.h"

#include <algorithm>
#include <string_view>

#include "unpack/error.h"
#include "unpack/tar_header.h"

namespace granule::unpack {

namespace {

/// 4 MiB of memory. A file of 1 TiB may have a hole every 4 MiB.
constexpr size_t kRegionsMax = 256 * 1024;
constexpr size_t kNumberSize = 12;
constexpr size_t kRegionSize = 2 * kNumberSize;
constexpr std::string_view kPrefix = "GNU.sparse.";

void addRegion(SparseMap& map, uint64_t offset, uint64_t size, const std::string& entry) {
  if (map.regions.size() >= kRegionsMax) throwLimit(entry, "its sparse map has more than 262144 regions");
  map.regions.push_back({offset, size});
}

/// Regions side by side; an empty one ends them. False where it did.
bool addRegions(SparseMap& map, const uint8_t* at, size_t count, const std::string& entry) {
  for (size_t i = 0; i < count; ++i, at += kRegionSize) {
    if (at[kNumberSize] == 0) return false;
    const uint64_t offset = parseTarNumber(at, kNumberSize, entry, "sparse offset");
    addRegion(map, offset, parseTarNumber(at + kNumberSize, kNumberSize, entry, "sparse size"), entry);
  }
  return true;
}

uint64_t decimal(std::string_view text, const std::string& entry) {
  return parseDecimal<uint64_t>(text, entry, "sparse map");
}

/// Format 0.1: all numbers in one record.
void addList(SparseMap& map, std::string_view list, const std::string& entry) {
  const auto number = [&] {
    const size_t comma = std::min(list.find(','), list.size());
    const uint64_t value = decimal(list.substr(0, comma), entry);
    list.remove_prefix(std::min(comma + 1, list.size()));
    return value;
  };
  while (!list.empty()) {
    const uint64_t offset = number();
    addRegion(map, offset, number(), entry);
  }
}

/// Format 1.0: decimal numbers, each with a newline, in whole blocks before the data.
void readBodyMap(SparseMap& map, const NextBlock& next, TarEntry& entry) {
  const uint8_t* block = nullptr;
  size_t at = kTarBlock;
  const auto number = [&] {
    std::string digits;
    for (;; ++at) {
      if (at == kTarBlock) {
        if (entry.size < kTarBlock) throwFormat(entry.name, "its sparse map is longer than its body");
        block = next();
        entry.size -= kTarBlock;
        at = 0;
      }
      if (block[at] == '\n') break;
      digits += static_cast<char>(block[at]);
      if (digits.size() > 20) throwFormat(entry.name, "its sparse map is no list of numbers");
    }
    ++at;
    return decimal(digits, entry.name);
  };
  const uint64_t count = number();
  if (count > kRegionsMax) throwLimit(entry.name, "its sparse map has more than 262144 regions");
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = number();
    addRegion(map, offset, number(), entry.name);
  }
}

}  // namespace

SparseMap readGnuSparse(const uint8_t* header, const NextBlock& next, const std::string& entry) {
  constexpr size_t kFirst = 386, kFirstCount = 4, kExtended = 482, kRealSize = 483;
  constexpr size_t kMoreCount = 21, kMoreExtended = 504;
  SparseMap map;
  map.real_size = parseTarNumber(header + kRealSize, kNumberSize, entry, "sparse file size");
  bool more = addRegions(map, header + kFirst, kFirstCount, entry) && header[kExtended] != 0;
  while (more) {
    const uint8_t* block = next();
    more = addRegions(map, block, kMoreCount, entry) && block[kMoreExtended] != 0;
  }
  return map;
}

bool isPaxSparse(const PaxRecords& records) {
  return std::any_of(records.begin(), records.end(), [](const auto& one) { return one.first.starts_with(kPrefix); });
}

SparseMap readPaxSparse(const PaxRecords& records, const NextBlock& next, TarEntry& entry) {
  SparseMap map;
  bool in_body = false;
  bool has_size = false;
  bool has_offset = false;
  uint64_t offset = 0;
  for (const auto& [key, value] : records) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string_view what = std::string_view(key).substr(kPrefix.size());
    if (what == "major") in_body = decimal(value, entry.name) == 1;
    if (what == "major" && decimal(value, entry.name) > 1) throwFormat(entry.name, "its sparse format is unknown");
    if (what == "minor" && decimal(value, entry.name) > 1) throwFormat(entry.name, "its sparse format is unknown");
    if (what == "name") entry.name = parsePaxName(value, entry.name, key);
    if (what == "map") addList(map, value, entry.name);
    if (what == "offset") {
      offset = decimal(value, entry.name);
      has_offset = true;
    }
    if (what == "numbytes") {
      if (!has_offset) throwFormat(entry.name, "its sparse map has a size without an offset");
      addRegion(map, offset, decimal(value, entry.name), entry.name);
      has_offset = false;
    }
    if (what == "size" || what == "realsize") {
      map.real_size = decimal(value, entry.name);
      has_size = true;
    }
  }
  if (!has_size) throwFormat(entry.name, "its sparse map has no file size");
  if (in_body && !map.regions.empty()) throwFormat(entry.name, "it has two sparse maps");
  if (in_body) readBodyMap(map, next, entry);
  return map;
}

void checkSparse(const SparseMap& map, const TarEntry& entry) {
  uint64_t end = 0;
  uint64_t bytes = 0;
  for (const auto& [offset, size] : map.regions) {
    if (offset < end || offset > map.real_size || size > map.real_size - offset)
      throwFormat(entry.name, "its sparse map leads outside the file or over itself");
    end = offset + size;
    bytes += size;
  }
  if (bytes != entry.size) throwFormat(entry.name, "its sparse map and its body differ in size");
}

}  // namespace granule::unpack

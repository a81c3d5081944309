#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unpack/error.h"
#include "unpack/tar_entry.h"

namespace granule::unpack {

using PaxRecords = std::vector<std::pair<std::string, std::string>>;

/// Splits an extended header into its `length key=value\n` records (pax(1)); throws where one is not so.
PaxRecords parsePax(std::string_view data, const std::string& entry);

/// A whole decimal number and nothing else; throws otherwise.
template <typename Number>
Number parseDecimal(std::string_view text, const std::string& entry, const std::string& what) {
  Number value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throwFormat(entry, "its PAX " + what + " is no number");
  return value;
}

/// A name without NUL bytes; throws otherwise.
std::string parsePaxName(const std::string& value, const std::string& entry, const std::string& key);

/// Puts records over an entry's header fields, later ones over earlier; an empty value leaves the header's.
/// Throws where a value is malformed or asks for what is not supported. Sparse maps are left to sparse.h.
void applyPax(const PaxRecords& records, TarEntry& entry);

/// Whether a record would change an entry.
bool isHonouredPax(std::string_view key);

}  // namespace granule::unpack

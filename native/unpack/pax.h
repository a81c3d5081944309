#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unpack/tar_entry.h"

namespace granule::unpack {

using PaxRecords = std::vector<std::pair<std::string, std::string>>;

/// Splits an extended header into its `length key=value\n` records (pax(1)); throws where one is not so.
PaxRecords parsePax(std::string_view data, const std::string& entry);

/// Puts records over an entry's header fields, later ones over earlier; an empty value leaves the header's.
/// Throws where a value is malformed or asks for what is not supported.
void applyPax(const PaxRecords& records, TarEntry& entry);

/// Whether a record would change an entry.
bool isHonouredPax(std::string_view key);

}  // namespace granule::unpack

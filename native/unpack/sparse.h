#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "unpack/pax.h"
#include "unpack/tar_entry.h"

namespace granule::unpack {

/// Gives the next block of 512 bytes, which holds until the next call; throws where the archive ends.
using NextBlock = std::function<const uint8_t*()>;

/// GNU tar's old format, type `S`: regions in the header and in blocks that follow it (tar(5), "Sparse files").
SparseMap readGnuSparse(const uint8_t* header, const NextBlock& next, const std::string& entry);

/// Whether PAX records tell of a sparse file.
bool isPaxSparse(const PaxRecords& records);

/// GNU tar's formats 0.0, 0.1 and 1.0 in PAX records; the last has its map at the start of the body. Takes the name
/// over to the entry, and reduces its size by the map's.
SparseMap readPaxSparse(const PaxRecords& records, const NextBlock& next, TarEntry& entry);

/// Throws unless regions ascend, end within the file and hold as many bytes as the entry's body.
void checkSparse(const SparseMap& map, const TarEntry& entry);

}  // namespace granule::unpack

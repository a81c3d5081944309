#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace granule::unpack {

constexpr size_t kTarBlock = 512;

/// One header block, decoded but not yet judged. Layouts: POSIX ustar (pax(1)), GNU and star (tar(5)).
struct TarHeader {
  char type = '0';
  std::string name;
  std::string link;
  uint64_t mode = 0;
  uint64_t uid = 0;
  uint64_t gid = 0;
  uint64_t size = 0;
  int64_t mtime = 0;
  uint64_t device_major = 0;
  uint64_t device_minor = 0;
};

/// Whether every byte is zero, as in the blocks that end an archive.
bool isZeroBlock(const uint8_t* block);

/// A field of octal digits or of GNU's base-256; throws where it is neither or negative.
uint64_t parseTarNumber(const uint8_t* field, size_t size, const std::string& entry, const char* what);

/// Decodes a block; throws UnpackError where the checksum or a number is wrong.
TarHeader parseTarHeader(const uint8_t* block);

}  // namespace granule::unpack

#include "unpack/tar_header.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

struct Field {
  size_t offset;
  size_t size;
};

constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kMtime{136, 12},
    kChecksum{148, 8}, kLink{157, 100}, kMajor{329, 8}, kMinor{337, 8}, kPrefix{345, 155}, kStarPrefix{345, 131};
constexpr size_t kTypeOffset = 156, kMagicOffset = 257, kStarTrailerOffset = 508;

std::string text(const uint8_t* block, Field field) {
  const char* start = reinterpret_cast<const char*>(block) + field.offset;
  return std::string(start, strnlen(start, field.size));
}

/// Octal digits ended by NUL or space, or GNU's base-256: big endian, the first byte 0x80, or 0xff for a negative.
int64_t number(const uint8_t* block, Field field, const std::string& entry, const char* what) {
  const uint8_t* bytes = block + field.offset;
  if (bytes[0] & 0x80) {
    const bool negative = bytes[0] & 0x40;
    // Sign-extends the 7 bits beside the flag.
    int64_t value = negative ? -64 : 0;
    value += bytes[0] & 0x3f;
    for (size_t i = 1; i < field.size; ++i) {
      if (value > INT64_MAX >> 8 || value < INT64_MIN >> 8)
        throwFormat(entry, std::string("its ") + what + " is out of range");
      value = value * 256 + bytes[i];
    }
    return value;
  }
  size_t at = 0;
  while (at < field.size && bytes[at] == ' ') ++at;
  int64_t value = 0;
  for (; at < field.size && bytes[at] >= '0' && bytes[at] <= '7'; ++at) value = value * 8 + (bytes[at] - '0');
  for (; at < field.size; ++at) {
    if (bytes[at] != ' ' && bytes[at] != 0) throwFormat(entry, std::string("its ") + what + " is no number");
  }
  return value;
}

uint64_t positive(const uint8_t* block, Field field, const std::string& entry, const char* what) {
  int64_t value = number(block, field, entry, what);
  if (value < 0) throwFormat(entry, std::string("its ") + what + " is negative");
  return static_cast<uint64_t>(value);
}

/// Old writers summed signed bytes; both sums count (tar(5)).
bool checksumMatches(const uint8_t* block) {
  int64_t with_unsigned = 0, with_signed = 0;
  for (size_t i = 0; i < kTarBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    with_unsigned += own ? ' ' : block[i];
    with_signed += own ? ' ' : static_cast<int8_t>(block[i]);
  }
  int64_t written = number(block, kChecksum, "", "checksum");
  return written == with_unsigned || written == with_signed;
}

}  // namespace

uint64_t parseTarNumber(const uint8_t* field, size_t size, const std::string& entry, const char* what) {
  return positive(field, {0, size}, entry, what);
}

bool isZeroBlock(const uint8_t* block) {
  return std::all_of(block, block + kTarBlock, [](uint8_t byte) { return byte == 0; });
}

TarHeader parseTarHeader(const uint8_t* block) {
  if (!checksumMatches(block)) throwFormat("", "not a tar archive, or a damaged one: a header's checksum is wrong");
  TarHeader header;
  header.type = static_cast<char>(block[kTypeOffset]);
  header.name = text(block, kName);
  header.link = text(block, kLink);
  header.mode = positive(block, kMode, header.name, "mode");
  header.uid = positive(block, kUid, header.name, "uid");
  header.gid = positive(block, kGid, header.name, "gid");
  header.size = positive(block, kSize, header.name, "size");
  header.mtime = number(block, kMtime, header.name, "mtime");
  const bool posix = std::memcmp(block + kMagicOffset, "ustar\0", 6) == 0;
  const bool gnu = std::memcmp(block + kMagicOffset, "ustar  ", 7) == 0;
  if (posix || gnu) {
    header.device_major = positive(block, kMajor, header.name, "device major");
    header.device_minor = positive(block, kMinor, header.name, "device minor");
  }
  if (posix) {
    const bool star = std::memcmp(block + kStarTrailerOffset, "tar\0", 4) == 0;
    std::string prefix = text(block, star ? kStarPrefix : kPrefix);
    if (!prefix.empty()) header.name = prefix + "/" + header.name;
  }
  return header;
}

}  // namespace granule::unpack

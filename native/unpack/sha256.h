#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace granule::unpack {

/// SHA-256 (FIPS 180-4), by the CPU's SHA instructions where it has them.
class Sha256 {
 public:
  Sha256();
  void update(const void* data, size_t size);
  /// Ends the digest: `sha256:` and 64 hexadecimal digits. The object must not be used after.
  std::string finish();

 private:
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> block_;
  size_t buffered_ = 0;
  uint64_t total_ = 0;
};

}  // namespace granule::unpack

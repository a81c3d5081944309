#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace granule::unpack {

/// One step of decompression: how much of both buffers was used.
struct Progress {
  size_t consumed = 0;
  size_t produced = 0;
};

/// A stream of compressed members or frames, one after the other.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// Moves data on; throws UnpackError where it is corrupt. Neither side moving means that input is wanted.
  virtual Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) = 0;
  /// Whether the input so far ends with a whole member or frame.
  virtual bool complete() const = 0;
};

/// `none`, `gzip` or `zstd`.
std::unique_ptr<Decompressor> makeDecompressor(std::string_view compression);

}  // namespace granule::unpack

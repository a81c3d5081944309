#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace granule::unpack {

/// One gzip member (RFC 1952) after the other, with CRC and length checked. There are two of this class: by isa-l,
/// which takes half the time, and by zlib where isa-l is not to be had; binding.gyp compiles one of them.
class Inflate {
 public:
  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
    /// The member is whole; the next step begins another.
    bool ended = false;
  };

  Inflate();
  ~Inflate();
  /// Moves on by what both buffers allow; throws UnpackError where the data is corrupt.
  Step step(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size);
  /// `isa-l` or `zlib`.
  static const char* library();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granule::unpack

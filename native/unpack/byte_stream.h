#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "unpack/ring.h"

namespace granule::unpack {

/// Bytes of a stream, and what keeps them.
struct Bytes {
  std::span<const uint8_t> span;
  Ring::Reference owner;

  bool empty() const { return span.empty(); }
};

/// Reads the ring's buffers as one stream of bytes.
class ByteStream {
 public:
  explicit ByteStream(Ring& ring) : ring_(ring) {}

  /// The next bytes, at most `most` of them, without a copy; they hold until the next call. Empty at the end.
  std::span<const uint8_t> take(size_t most);
  /// The same, to be held for longer.
  Bytes share(size_t most);
  /// Fills `target`; the count is short only at the end of the stream.
  size_t read(uint8_t* target, size_t size);

 private:
  Ring& ring_;
  Ring::Reference current_;
  std::span<const uint8_t> rest_;
  bool ended_ = false;
};

}  // namespace granule::unpack

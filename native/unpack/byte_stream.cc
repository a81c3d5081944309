#include "unpack/byte_stream.h"

#include <algorithm>
#include <cstring>

namespace granule::unpack {

std::span<const uint8_t> ByteStream::take(size_t most) {
  if (rest_.empty() && !ended_) {
    // Freed before the wait: the producer may need this very buffer.
    current_ = {};
    current_ = ring_.next();
    const Ring::Buffer* buffer = current_.get();
    ended_ = buffer == nullptr;
    if (buffer) rest_ = {buffer->data.get(), buffer->size};
  }
  auto taken = rest_.first(std::min(most, rest_.size()));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

Bytes ByteStream::share(size_t most) {
  auto taken = take(most);
  return {taken, current_};
}

size_t ByteStream::read(uint8_t* target, size_t size) {
  size_t done = 0;
  while (done < size) {
    auto bytes = take(size - done);
    if (bytes.empty()) break;
    std::memcpy(target + done, bytes.data(), bytes.size());
    done += bytes.size();
  }
  return done;
}

}  // namespace granule::unpack

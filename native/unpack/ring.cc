#include "unpack/ring.h"

namespace granule::unpack {

Ring::Ring(size_t buffers, size_t buffer_size)
    : buffer_size_(buffer_size), buffers_(std::make_unique<Buffer[]>(buffers)) {
  for (size_t i = 0; i < buffers; ++i) {
    buffers_[i].data = std::make_unique_for_overwrite<uint8_t[]>(buffer_size);
    buffers_[i].home = this;
    free_.push_back(&buffers_[i]);
  }
}

Ring::Buffer* Ring::acquire() {
  std::unique_lock lock(mutex_);
  free_changed_.wait(lock, [this] { return abandoned_ || !free_.empty(); });
  if (abandoned_) return nullptr;
  // The one used last is the one whose memory is still in the processor's cache.
  Buffer* buffer = free_.back();
  free_.pop_back();
  return buffer;
}

void Ring::commit(Buffer* buffer) {
  {
    std::lock_guard lock(mutex_);
    filled_.push_back(buffer);
  }
  filled_changed_.notify_one();
}

void Ring::finish(std::exception_ptr failure) {
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
    failure_ = failure;
  }
  filled_changed_.notify_one();
}

Ring::Reference Ring::next() {
  std::unique_lock lock(mutex_);
  filled_changed_.wait(lock, [this] { return finished_ || !filled_.empty(); });
  if (!filled_.empty()) {
    Reference reference(filled_.front());
    filled_.pop_front();
    return reference;
  }
  if (failure_) std::rethrow_exception(failure_);
  return {};
}

void Ring::abandon() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  free_changed_.notify_one();
}

void Ring::free(Buffer* buffer) {
  {
    std::lock_guard lock(mutex_);
    free_.push_back(buffer);
  }
  free_changed_.notify_one();
}

}  // namespace granule::unpack

#include "unpack/ring.h"

namespace granule::unpack {

Ring::Buffer* Ring::acquire() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [this] { return abandoned_ || head_ - tail_ < kBuffers; });
  return abandoned_ ? nullptr : &buffers_[head_ % kBuffers];
}

void Ring::commit() {
  {
    std::lock_guard lock(mutex_);
    ++head_;
  }
  filled_.notify_one();
}

void Ring::finish(std::exception_ptr failure) {
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
    failure_ = failure;
  }
  filled_.notify_one();
}

const Ring::Buffer* Ring::next() {
  std::unique_lock lock(mutex_);
  if (held_) {
    ++tail_;
    held_ = false;
    freed_.notify_one();
  }
  filled_.wait(lock, [this] { return finished_ || head_ > tail_; });
  if (head_ > tail_) {
    held_ = true;
    return &buffers_[tail_ % kBuffers];
  }
  if (failure_) std::rethrow_exception(failure_);
  return nullptr;
}

void Ring::abandon() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  freed_.notify_one();
}

}  // namespace granule::unpack

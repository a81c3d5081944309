#include "unpack/growth.h"

#include <algorithm>

#include "unpack/error.h"

namespace granule::unpack {

void Growth::advance(uint64_t readable) {
  {
    std::lock_guard lock(mutex_);
    readable_ = std::max(readable_, readable);
  }
  changed_.notify_all();
}

void Growth::end() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::kGrowing) state_ = State::kEnded;
  }
  changed_.notify_all();
}

void Growth::lose() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::kGrowing) state_ = State::kLost;
  }
  changed_.notify_all();
}

void Growth::wake() {
  // Whoever is between its look and its wait must not miss this.
  {
    std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

uint64_t Growth::waitBeyond(uint64_t position, const std::function<bool()>& cancelled) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (cancelled()) throwCancelled();
    if (state_ == State::kLost) throw UnpackError("growth", 0, "", "its file is not fetched to its end");
    if (readable_ > position || state_ == State::kEnded) return std::max(readable_, position);
    changed_.wait(lock);
  }
}

}  // namespace granule::unpack

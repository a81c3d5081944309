#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace granule::unpack {

/// How far a file may be read that is still being written. One writes; any number of threads read.
class Growth {
 public:
  /// Writer: so many bytes from the start on are there.
  void advance(uint64_t readable);
  /// Writer: what is readable is all, and is proven to be right.
  void end();
  /// Writer: what was readable counts no more, and whoever reads gives up. Final, as the end is.
  void lose();
  /// Has readers look whether they were cancelled.
  void wake();

  /// Reader: waits for bytes behind `position`, and returns how many from the start on are there; `position` itself
  /// where the file ends at it. Throws UnpackError where the file was lost or `cancelled` tells so.
  uint64_t waitBeyond(uint64_t position, const std::function<bool()>& cancelled);

 private:
  enum class State { kGrowing, kEnded, kLost };

  std::mutex mutex_;
  std::condition_variable changed_;
  // Both are guarded by mutex_.
  State state_ = State::kGrowing;
  uint64_t readable_ = 0;
};

}  // namespace granule::unpack

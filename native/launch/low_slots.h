#pragma once

#include <array>
#include <cstddef>

namespace granule {

/// Numbers of descriptors that are kept taken, low ones as long as this process has few open. What is handed to a new
/// process is put there, so that it copies the table of descriptors up to them and no further: a process that meters a
/// thousand containers has tens of thousands open, and to copy and to close those takes longer than all else.
class LowSlots {
 public:
  /// The last one is nobody's, and stays what all are at rest: /dev/null.
  static constexpr std::size_t kSlots = 7;

  /// Waits for slots that nobody uses. Not valid, with errno, where there are none to be had.
  LowSlots();
  /// What was put there is open no longer.
  ~LowSlots();
  LowSlots(const LowSlots&) = delete;
  LowSlots& operator=(const LowSlots&) = delete;

  [[nodiscard]] bool valid() const { return slots_ != nullptr; }
  /// Makes a slot the same as a descriptor. The slot's number, or -1 with errno.
  int put(int descriptor);
  [[nodiscard]] int null() const { return slots_->back(); }
  /// The highest number of all that are used here.
  [[nodiscard]] int highest() const;

 private:
  std::array<int, kSlots>* slots_;
  std::size_t used_ = 0;
};

}  // namespace granule

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "launch/plan.h"

namespace granule {

/// One operation of a launch plan, read in place.
class OpView {
 public:
  OpView(Op kind, const std::uint8_t* payload, std::uint32_t bytes) : kind_(kind), payload_(payload), bytes_(bytes) {}

  [[nodiscard]] Op kind() const { return kind_; }

  [[nodiscard]] std::uint64_t numbers() const {
    std::uint64_t count = 0;
    std::memcpy(&count, payload_, sizeof count);
    return count;
  }

  /// Number `index`, 0 where the plan has fewer.
  [[nodiscard]] std::uint64_t number(std::size_t index) const {
    if (index >= numbers()) return 0;
    std::uint64_t value = 0;
    std::memcpy(&value, payload_ + 8 + index * 8, sizeof value);
    return value;
  }

  [[nodiscard]] const std::uint8_t* data() const { return payload_ + 8 + numbers() * 8; }
  [[nodiscard]] std::uint32_t dataBytes() const { return bytes_ - 8 - static_cast<std::uint32_t>(numbers()) * 8; }

  /// First string; PlanView::valid() has seen that the data ends in NUL.
  [[nodiscard]] const char* first() const { return dataBytes() == 0 ? "" : reinterpret_cast<const char*>(data()); }

  /// The string behind `string`; past the last one an empty string.
  [[nodiscard]] const char* next(const char* string) const {
    if (dataBytes() == 0) return "";
    const char* end = reinterpret_cast<const char*>(payload_ + bytes_);
    const char* after = string + std::strlen(string) + 1;
    return after < end ? after : end - 1;
  }

 private:
  Op kind_;
  const std::uint8_t* payload_;
  std::uint32_t bytes_;
};

/// A whole plan in memory. Check valid() before anything else.
class PlanView {
 public:
  PlanView(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  /// What the header at `bytes` says of the plan's length.
  static std::uint32_t announcedBytes(const std::uint8_t* bytes) { return PlanView(bytes, kHeader).word(8); }

  /// Whether header, lengths, counts and terminators all hold.
  [[nodiscard]] bool valid() const {
    if (size_ < kHeader || std::memcmp(bytes_, kPlanMagic, sizeof kPlanMagic) != 0 || word(8) != size_) return false;
    std::size_t at = kHeader;
    for (std::uint32_t left = word(12); left > 0; --left) {
      if (size_ - at < 8) return false;
      const std::uint32_t bytes = word(at + 4);
      if (bytes < 8 || bytes % 8 != 0 || bytes > size_ - at - 8) return false;
      const OpView op(static_cast<Op>(word(at)), bytes_ + at + 8, bytes);
      if (op.numbers() > (bytes - 8) / 8) return false;
      if (op.dataBytes() > 0 && op.kind() != Op::Seccomp && bytes_[at + 8 + bytes - 1] != 0) return false;
      at += 8 + bytes;
    }
    return at == size_;
  }

  /// Calls `visit(op)` for each operation until it returns false.
  template <typename Visit>
  void each(Visit visit) const {
    std::size_t at = kHeader;
    for (std::uint32_t left = word(12); left > 0; --left) {
      const std::uint32_t bytes = word(at + 4);
      if (!visit(OpView(static_cast<Op>(word(at)), bytes_ + at + 8, bytes))) return;
      at += 8 + bytes;
    }
  }

 private:
  static constexpr std::size_t kHeader = 16;

  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_ + at, sizeof value);
    return value;
  }

  const std::uint8_t* bytes_;
  std::size_t size_;
};

}  // namespace granule

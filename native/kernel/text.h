#pragma once

#include <cstddef>
#include <cstdint>

namespace granule {

/// Builds short text in place. printf(3) would bring half of libc into a monitor's memory and take longer.
template <std::size_t Capacity>
class Text {
 public:
  Text& put(const char* string) {
    while (*string != '\0') put(*string++);
    return *this;
  }

  Text& put(char character) {
    if (used_ + 1 < Capacity) text_[used_++] = character;
    text_[used_] = '\0';
    return *this;
  }

  /// Decimal, with leading zeros up to `digits`.
  Text& number(std::uint64_t value, std::size_t digits = 1) {
    char reversed[20];
    std::size_t count = 0;
    for (; value > 0 || count < digits; value /= 10) reversed[count++] = static_cast<char>('0' + value % 10);
    while (count > 0) put(reversed[--count]);
    return *this;
  }

  [[nodiscard]] const char* c_str() const { return text_; }
  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  char text_[Capacity] = {};
  std::size_t used_ = 0;
};

/// The decimal number that `text` begins with; 0 where there is none.
inline std::uint64_t parseNumber(const char* text) {
  std::uint64_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + static_cast<std::uint64_t>(*text - '0');
  return value;
}

}  // namespace granule

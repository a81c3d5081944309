#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/fd.h"

namespace granule {

enum class Stream : std::uint8_t { Stdout, Stderr };

/// A place in the log that outlives rotation: which file, counted from the first, and the byte in it.
struct LogPosition {
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;
};

/// Writes the CRI log format: `2026-11-23T09:00:00.000000000Z stdout F text`, P in place of F where no newline was
/// written, so that the bytes can be told back exactly. Once the file would grow past its limit it becomes `path.1`,
/// and so on up to the number kept.
class Log {
 public:
  /// False with errno where the file cannot be opened. Without a path nothing is ever written.
  bool open(const char* path, std::uint64_t maxBytes, std::uint64_t maxFiles);

  /// A failed write loses this output and not the container: it is counted, and told in the exit record.
  void write(Stream stream, const char* data, std::size_t bytes);

  [[nodiscard]] bool enabled() const { return file_.valid(); }
  [[nodiscard]] LogPosition position() const { return {generation_, offset_}; }
  [[nodiscard]] std::uint64_t lostBytes() const { return lostBytes_; }

  /// Opens the file of a generation for reading; invalid where rotation has removed it.
  [[nodiscard]] Fd openGeneration(std::uint64_t generation) const;

 private:
  void rotate();
  void flush(std::size_t& used);

  const char* path_ = nullptr;
  std::uint64_t maxBytes_ = 0;
  std::uint64_t maxFiles_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t lostBytes_ = 0;
  Fd file_;
};

}  // namespace granule

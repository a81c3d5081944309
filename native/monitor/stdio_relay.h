#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/fd.h"
#include "monitor/log.h"

namespace granule {

/// The monitor's ends of the process's streams: a terminal, or three pipes.
class StdioRelay {
 public:
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  void usePipes(Fd input, Fd output, Fd errors);
  void useTerminal(Fd master);

  /// Reads one chunk of a stream; 0: nothing there now, or ever again (see ended()).
  std::size_t read(Stream stream, char (&chunk)[kChunkBytes]);
  [[nodiscard]] bool ended() const { return !output_.valid() && !errors_.valid(); }

  /// Hands `data` to the process as far as it takes it. Input nobody can read any more counts as taken.
  void offer(const std::uint8_t* data, std::size_t bytes);
  /// Goes on with what offer() left; the bytes taken since, cleared by the call.
  std::size_t takeWritten();
  void pushInput();
  [[nodiscard]] bool inputPending() const { return pendingBytes_ > 0; }
  /// End of file for the process: closes the pipe, or types the terminal's end-of-file character.
  void endInput();

  /// errno, or 0.
  int resize(unsigned short rows, unsigned short columns);

  [[nodiscard]] int outputDescriptor() const { return output_.get(); }
  [[nodiscard]] int errorsDescriptor() const { return errors_.get(); }
  [[nodiscard]] int inputDescriptor() const { return terminal_ ? output_.get() : input_.get(); }
  [[nodiscard]] bool terminal() const { return terminal_; }

 private:
  Fd input_;
  Fd output_;  ///< the terminal's master, where there is one
  Fd errors_;
  bool terminal_ = false;
  const std::uint8_t* pending_ = nullptr;
  std::size_t pendingBytes_ = 0;
  std::size_t written_ = 0;
};

}  // namespace granule

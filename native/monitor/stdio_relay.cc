#include "monitor/stdio_relay.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace granule {

namespace {

void setNonBlocking(const Fd& fd) {
  if (fd.valid()) ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

void StdioRelay::usePipes(Fd input, Fd output, Fd errors) {
  input_ = std::move(input);
  output_ = std::move(output);
  errors_ = std::move(errors);
  setNonBlocking(input_);
  setNonBlocking(output_);
  setNonBlocking(errors_);
}

void StdioRelay::useTerminal(Fd master) {
  output_ = std::move(master);
  terminal_ = true;
  setNonBlocking(output_);
}

std::size_t StdioRelay::read(Stream stream, char (&chunk)[kChunkBytes]) {
  Fd& from = stream == Stream::Stdout ? output_ : errors_;
  if (!from.valid()) return 0;
  const ssize_t got = ::read(from.get(), chunk, sizeof chunk);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  // End of file; a terminal says EIO once nobody has it open.
  from.reset();
  return 0;
}

void StdioRelay::offer(const std::uint8_t* data, std::size_t bytes) {
  pending_ = data;
  pendingBytes_ = bytes;
  pushInput();
}

void StdioRelay::pushInput() {
  const int to = inputDescriptor();
  while (pendingBytes_ > 0) {
    const ssize_t wrote = to < 0 ? static_cast<ssize_t>(pendingBytes_) : ::write(to, pending_, pendingBytes_);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return;
      written_ += pendingBytes_;
      pendingBytes_ = 0;
      if (!terminal_) input_.reset();
      return;
    }
    pending_ += wrote;
    pendingBytes_ -= static_cast<std::size_t>(wrote);
    written_ += static_cast<std::size_t>(wrote);
  }
}

std::size_t StdioRelay::takeWritten() { return std::exchange(written_, 0); }

void StdioRelay::endInput() {
  static const std::uint8_t endOfFile = 4;  // VEOF, Ctrl-D
  if (terminal_) {
    offer(&endOfFile, 1);
    written_ = 0;
  } else {
    input_.reset();
  }
}

int StdioRelay::resize(unsigned short rows, unsigned short columns) {
  if (!terminal_) return ENOTTY;
  const winsize size{rows, columns, 0, 0};
  return ::ioctl(output_.get(), TIOCSWINSZ, &size) == 0 ? 0 : errno;
}

}  // namespace granule

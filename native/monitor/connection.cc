#include "monitor/connection.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "monitor/clock.h"

namespace granule {

namespace {

constexpr std::size_t kFrameHeader = 5;
constexpr std::uint8_t kStdoutBit = 2;
constexpr std::uint8_t kStderrBit = 4;

std::uint8_t bitOf(Stream stream) { return stream == Stream::Stdout ? kStdoutBit : kStderrBit; }
Message messageOf(Stream stream) { return stream == Stream::Stdout ? Message::Stdout : Message::Stderr; }

}  // namespace

void Connection::accept(Fd socket, ConnectionBuffers& buffers) {
  socket_ = std::move(socket);
  buffers_ = &buffers;
  attached = 0;
  waitsForExit = waitsForStart = exitSent = behind_ = malformed_ = false;
  watched = 0;
  used_ = inUsed_ = inAt_ = sentSince_ = 0;
  fullSinceNs_ = 0;
  fileGeneration_ = 0;
  position_ = {};
}

void Connection::close() {
  socket_.reset();
  behindFile_.reset();
  attached = 0;
  waitsForExit = waitsForStart = false;
  // Whole pages of the buffers go back to the system: an idle monitor stays small.
  constexpr std::uintptr_t page = 4096;
  const auto begin = (reinterpret_cast<std::uintptr_t>(buffers_) + page - 1) & ~(page - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(buffers_ + 1) & ~(page - 1);
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

bool Connection::append(Message type, const void* payload, std::size_t bytes) {
  if (used_ + kFrameHeader + bytes > sizeof buffers_->out) return false;
  const auto length = static_cast<std::uint32_t>(bytes + 1);
  std::memcpy(buffers_->out + used_, &length, sizeof length);
  buffers_->out[used_ + 4] = static_cast<char>(type);
  if (bytes > 0) std::memcpy(buffers_->out + used_ + kFrameHeader, payload, bytes);
  used_ += kFrameHeader + bytes;
  return true;
}

bool Connection::extend(std::size_t frame, Message type, const void* payload, std::size_t bytes) {
  if (frame >= used_ || buffers_->out[frame + 4] != static_cast<char>(type)) return false;
  if (used_ + bytes > sizeof buffers_->out) return false;
  std::memcpy(buffers_->out + used_, payload, bytes);
  used_ += bytes;
  const auto length = static_cast<std::uint32_t>(used_ - frame - sizeof(std::uint32_t));
  std::memcpy(buffers_->out + frame, &length, sizeof length);
  return true;
}

bool Connection::send(Message type, const void* payload, std::size_t bytes) {
  if (!append(type, payload, bytes)) return false;
  flush();
  return true;
}

void Connection::output(Stream stream, const char* data, std::size_t bytes, const LogPosition& before, const Log& log) {
  if ((attached & bitOf(stream)) == 0 || behind_) return;
  if (append(messageOf(stream), data, bytes)) {
    flush();
    if (used_ + kFrameHeader + bytes <= sizeof buffers_->out) {
      fullSinceNs_ = 0;
    } else if (fullSinceNs_ == 0) {
      fullSinceNs_ = nanoseconds(CLOCK_MONOTONIC);
      sentSince_ = 0;
    }
  } else if (log.enabled()) {
    fullSinceNs_ = 0;
    startAt(before);
  }
}

bool Connection::hasRoomFor(std::size_t bytes, const Log& log) const {
  if (attached == 0 || used_ + kFrameHeader + bytes <= sizeof buffers_->out) return true;
  if (!log.enabled()) return false;
  return behind_ || fullSinceNs_ == 0 ||
         nanoseconds(CLOCK_MONOTONIC) - fullSinceNs_ >= kPatienceMilliseconds * 1'000'000ULL;
}

void Connection::flush() {
  std::size_t at = 0;
  while (at < used_) {
    const ssize_t sent = ::send(socket_.get(), buffers_->out + at, used_ - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return close();
      break;
    }
    at += static_cast<std::size_t>(sent);
  }
  sentSince_ += at;
  if (fullSinceNs_ != 0 && sentSince_ >= sizeof buffers_->out / 2) {
    fullSinceNs_ = nanoseconds(CLOCK_MONOTONIC);
    sentSince_ = 0;
  }
  used_ -= at;
  if (used_ > 0 && at > 0) std::memmove(buffers_->out, buffers_->out + at, used_);
}

void Connection::catchUp(const Log& log) {
  static char chunk[160 * 1024];  // more than the longest line the log ever holds
  while (behind_ && open() && used_ == 0) {
    if (position_.generation == log.position().generation && position_.offset == log.position().offset) {
      behind_ = false;
      behindFile_.reset();
      return;
    }
    if (!behindFile_.valid() || fileGeneration_ != position_.generation) {
      behindFile_ = log.openGeneration(position_.generation);
      fileGeneration_ = position_.generation;
    }
    const ssize_t got = !behindFile_.valid()
                            ? 0
                            : ::pread(behindFile_.get(), chunk, sizeof chunk, static_cast<off_t>(position_.offset));
    if (got <= 0) {
      // The end of a rotated file, or one that rotation has removed: on to the next.
      if (position_.generation >= log.position().generation) return;
      position_ = {position_.generation + 1, 0};
      behindFile_.reset();
      continue;
    }
    const char* at = chunk;
    const char* end = chunk + got;
    std::size_t last = 0;
    while (at < end) {
      const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      constexpr std::ptrdiff_t kPrefix = 40;  // "<30 bytes of time> stdout F "
      if (newline == nullptr || newline - at < kPrefix - 1) break;
      const Stream stream = at[34] == 'o' ? Stream::Stdout : Stream::Stderr;
      const bool whole = at[38] == 'F';
      const char* text = at + kPrefix;
      const auto bytes = static_cast<std::size_t>(newline - text) + (whole ? 1 : 0);
      if ((attached & bitOf(stream)) != 0 && !extend(last, messageOf(stream), text, bytes)) {
        // Lines that follow each other share a frame: a reader would take longer over each than the line is worth.
        last = used_;
        if (!append(messageOf(stream), text, bytes)) break;
      }
      position_.offset += static_cast<std::uint64_t>(newline + 1 - at);
      at = newline + 1;
    }
    if (at == chunk && used_ == 0) return;  // a line still being written
    flush();
  }
}

bool Connection::receive() {
  if (inAt_ > 0) {
    std::memmove(buffers_->in, buffers_->in + inAt_, inUsed_ - inAt_);
    inUsed_ -= inAt_;
    inAt_ = 0;
  }
  const ssize_t got = ::recv(socket_.get(), buffers_->in + inUsed_, sizeof buffers_->in - inUsed_, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  inUsed_ += static_cast<std::size_t>(got);
  return got > 0;
}

bool Connection::next(Message& type, const std::uint8_t*& payload, std::uint32_t& bytes) {
  if (inUsed_ - inAt_ < kFrameHeader) return false;
  std::uint32_t length = 0;
  std::memcpy(&length, buffers_->in + inAt_, sizeof length);
  if (length == 0 || length > sizeof buffers_->in - 4) {
    malformed_ = true;
    return false;
  }
  if (inUsed_ - inAt_ < 4 + length) return false;
  type = static_cast<Message>(buffers_->in[inAt_ + 4]);
  payload = buffers_->in + inAt_ + kFrameHeader;
  bytes = length - 1;
  inAt_ += 4 + length;
  return true;
}

}  // namespace granule

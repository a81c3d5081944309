#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/fd.h"
#include "monitor/log.h"
#include "monitor/protocol.h"

namespace granule {

/// Where a connection's frames wait. Apart from the connection, so that one that was never used costs no page.
struct ConnectionBuffers {
  static constexpr std::size_t kBytes = 256 * 1024;
  char out[kBytes];
  std::uint8_t in[kBytes + 4096];
};

/// One client of the monitor. Its output waits in a bounded buffer. An attached reader that takes half of it every few
/// milliseconds is waited for; one that does not is served from the log until it has caught up, so that it holds up
/// nobody and costs no more memory.
class Connection {
 public:
  void accept(Fd socket, ConnectionBuffers& buffers);
  void close();
  [[nodiscard]] bool open() const { return socket_.valid(); }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  /// Queues a whole frame; false where the buffer has no room for it.
  bool send(Message type, const void* payload, std::size_t bytes);
  /// Output of the process. `before` is where the log stood before it took these bytes.
  void output(Stream stream, const char* data, std::size_t bytes, const LogPosition& before, const Log& log);
  /// Whether `bytes` of output would find room, or the log stands in, as it does once the reader was waited for.
  [[nodiscard]] bool hasRoomFor(std::size_t bytes, const Log& log) const;
  /// How long a reader is waited for where there is a log.
  static constexpr int kPatienceMilliseconds = 4;

  /// Writes what waits; closes itself where the peer is gone.
  void flush();
  /// Moves on from the log while there is room. Call once flushed.
  void catchUp(const Log& log);
  void startAt(const LogPosition& position) {
    behind_ = true;
    position_ = position;
  }

  /// Reads what came; false at end of file. Frames are taken by next().
  bool receive();
  /// The next whole frame, or false. `payload` stays until the next receive().
  bool next(Message& type, const std::uint8_t*& payload, std::uint32_t& bytes);
  [[nodiscard]] bool malformed() const { return malformed_; }

  [[nodiscard]] bool waitsToWrite() const { return used_ > 0; }
  [[nodiscard]] bool behind() const { return behind_; }
  [[nodiscard]] std::size_t used() const { return used_; }

  std::uint8_t attached = 0;  ///< bits of Attach
  bool waitsForExit = false;
  bool waitsForStart = false;
  bool exitSent = false;
  std::uint32_t watched = 0;  ///< epoll events now asked for

 private:
  bool append(Message type, const void* payload, std::size_t bytes);
  /// Makes the last frame, which begins at `frame`, longer; false where it is of another type, or there is no room.
  bool extend(std::size_t frame, Message type, const void* payload, std::size_t bytes);

  Fd socket_;
  Fd behindFile_;
  std::uint64_t fileGeneration_ = 0;
  LogPosition position_;
  bool behind_ = false;
  std::uint64_t fullSinceNs_ = 0;  ///< since when there is no room for more output; 0: there is, or was of late
  std::size_t sentSince_ = 0;
  bool malformed_ = false;
  std::size_t used_ = 0;
  std::size_t inUsed_ = 0;
  std::size_t inAt_ = 0;
  ConnectionBuffers* buffers_ = nullptr;
};

}  // namespace granule

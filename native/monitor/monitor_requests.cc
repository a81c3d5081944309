#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernel/syscalls.h"
#include "monitor/monitor.h"
#include "monitor/process_stat.h"

namespace granule {

void Monitor::replyFailure(Connection& connection, int error, const char* step, const char* path) {
  char payload[512];
  const std::int32_t number = error;
  std::memcpy(payload, &number, sizeof number);
  const int stepBytes = std::snprintf(payload + 4, 64, "%s", step) + 1;
  const int pathBytes = std::snprintf(payload + 4 + stepBytes, 256, "%s", path) + 1;
  connection.send(Message::Failure, payload, static_cast<std::size_t>(4 + stepBytes + std::min(pathBytes, 256)));
}

void Monitor::serve(Connection& connection) {
  Message type{};
  const std::uint8_t* payload = nullptr;
  std::uint32_t bytes = 0;
  // Input that the process has not taken yet lies in the connection's buffer: nothing more is read over it.
  while (connection.open() && !(stdio_.inputPending() && (connection.attached & 1) != 0) &&
         connection.next(type, payload, bytes)) {
    answer(connection, type, payload, bytes);
  }
  if (connection.malformed()) connection.close();
}

void Monitor::answer(Connection& connection, Message type, const std::uint8_t* payload, std::uint32_t bytes) {
  switch (type) {
    case Message::State: {
      std::array<std::uint8_t, 37> reply{};
      const auto pid = static_cast<std::int32_t>(child_.pid);
      const std::uint64_t ticks = childGone_ ? 0 : startTicks(child_.pid);
      reply[0] = static_cast<std::uint8_t>(state_);
      std::memcpy(&reply[1], &pid, 4);
      std::memcpy(&reply[5], &created_.wallNs, 8);
      std::memcpy(&reply[13], &exit_.started.wallNs, 8);
      std::memcpy(&reply[21], &ticks, 8);
      std::memcpy(&reply[29], &exit_.started.bootNs, 8);
      connection.send(Message::StateReply, reply.data(), reply.size());
      return;
    }
    case Message::Start:
      return start(connection);
    case Message::Kill: {
      std::uint32_t signal = 0;
      if (bytes < sizeof signal) break;
      std::memcpy(&signal, payload, sizeof signal);
      if (childGone_ || kernel::pidfd_send_signal(child_.pidfd.get(), static_cast<int>(signal)) != 0) {
        return replyFailure(connection, childGone_ ? ESRCH : errno, "kill", "");
      }
      connection.send(Message::Ok, nullptr, 0);
      return;
    }
    case Message::Resize: {
      std::uint16_t size[2];
      if (bytes < sizeof size) break;
      std::memcpy(size, payload, sizeof size);
      const int error = stdio_.resize(size[0], size[1]);
      if (connection.attached != 0) return;  // a stream has no replies
      if (error != 0) return replyFailure(connection, error, "resize", "");
      connection.send(Message::Ok, nullptr, 0);
      return;
    }
    case Message::Wait:
      connection.waitsForExit = true;
      return;
    case Message::Attach: {
      if (bytes < 1) break;
      connection.send(Message::Ok, nullptr, 0);
      connection.attached = static_cast<std::uint8_t>(payload[0] & 7);
      heard_ = true;
      if (connection.attached == 0) connection.waitsForExit = true;
      if ((payload[0] & 8) != 0 && log_.enabled()) connection.startAt({});
      return;
    }
    case Message::Input:
      return takeInput(connection, payload, bytes);
    default:
      break;
  }
  replyFailure(connection, EPROTO, "request", "");
  connection.close();
}

void Monitor::takeInput(Connection& connection, const std::uint8_t* payload, std::uint32_t bytes) {
  if ((connection.attached & 1) == 0) return;
  if (bytes == 0) return stdio_.endInput();
  inputFrom_ = &connection;
  stdio_.offer(payload, bytes);
  const auto taken = static_cast<std::uint32_t>(stdio_.takeWritten());
  if (taken > 0) connection.send(Message::Credit, &taken, sizeof taken);
}

void Monitor::start(Connection& connection) {
  if (state_ != State::Created) return replyFailure(connection, EALREADY, "start", "");
  const char go = 1;
  Report report{};
  const bool asked = ::send(child_.sync.get(), &go, 1, MSG_NOSIGNAL) == 1;
  if (asked && awaitChild(report, true)) {
    connection.send(Message::Ok, nullptr, 0);
    return;
  }
  if (!asked) report.fail(Op::Start, errno, "");
  // The exec failed: the container ends here, never having run.
  writeExitRecord(config_.exitRecord, exit_, counters_, &report);
  leaveSocket();
  reportTo_.reset();
  replyFailure(connection, report.error, stepName(report.step), report.path);
  state_ = State::Stopped;
  childGone_ = recorded_ = true;
}

}  // namespace granule

#pragma once

#include <array>

#include "launch/plan_view.h"
#include "launch/report.h"
#include "monitor/config.h"
#include "monitor/connection.h"
#include "monitor/exit_record.h"
#include "monitor/log.h"
#include "monitor/spawn.h"
#include "monitor/stdio_relay.h"

namespace granule {

/// The parent of one container's first process: starts it, relays and logs its streams, answers on the control socket,
/// records its exit. One thread, one epoll, no heap.
class Monitor {
 public:
  Monitor(const PlanView& plan, const Config& config, Fd network)
      : plan_(plan), config_(config), network_(std::move(network)) {}

  /// Runs to the end of the container. `reportTo` receives one Report once the process waits or runs, or has failed.
  int run(Fd reportTo);

 private:
  enum class State : std::uint8_t { Created, Running, Stopped };
  static constexpr std::size_t kMaxConnections = 32;

  bool openSocket(Report& report);
  /// Reads what the child says until it waits for start, has become the container's program, or has failed.
  bool awaitChild(Report& report, bool untilExec);
  bool receiveFromChild(Report& report, bool& ready, bool& executed);
  int endFailed(const Report& report, Fd& reportTo);
  void reapChild();

  void loop();
  void handle(std::uint64_t source);
  void acceptConnection();
  void serve(Connection& connection);
  void answer(Connection& connection, Message type, const std::uint8_t* payload, std::uint32_t bytes);
  void start(Connection& connection);
  void takeInput(Connection& connection, const std::uint8_t* payload, std::uint32_t bytes);
  /// Whether every reader can take another chunk, or the log stands in for it.
  [[nodiscard]] bool hasRoom() const;
  /// Takes one chunk of a stream to the log and to whoever is attached; its bytes.
  std::size_t relay(Stream stream);
  /// Relays up to so many chunks of each stream; false where a reader has to be waited for first.
  bool pump(int chunks);
  void childEnded();
  void recordExit();
  void leaveSocket();
  void announceExit();
  void watchAll();
  [[nodiscard]] bool owesAnything() const;
  [[nodiscard]] bool mayLeave() const;
  static void replyFailure(Connection& connection, int error, const char* step, const char* path);

  const PlanView& plan_;
  const Config& config_;
  Fd network_;  ///< until the child has entered it
  Spawned child_;
  StdioRelay stdio_;
  Log log_;
  State state_ = State::Created;
  bool childGone_ = false;
  bool recorded_ = false;
  Instant created_;
  ExitStatus exit_;
  FinalCounters counters_;
  Fd epoll_;
  Fd listener_;
  Connection* inputFrom_ = nullptr;
};

}  // namespace granule

#pragma once

#include <array>

#include "launch/child/config.h"
#include "launch/plan_view.h"
#include "launch/report.h"
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
  Monitor(const PlanView& plan, const Config& config, const Standby& standby)
      : plan_(plan), config_(config), standby_(standby) {}

  /// Runs to the end of the container. `reportTo` receives one Report once the process waits or runs, or has failed; of
  /// a spare another one before that, once it stands by. An EndReport follows what went well.
  int run(Fd reportTo);

 private:
  enum class State : std::uint8_t { Created, Running, Stopped };
  static constexpr std::size_t kMaxConnections = 32;

  bool openLog(Report& report);
  bool openSocket(Report& report);
  void openNetwork();
  bool startChild(Report& report);
  /// Prepares a child, where its first plan has namespaces for one, and waits until it is told what it becomes; then as
  /// startChild().
  bool startSpare(Report& report, const Fd& reportTo);
  /// Waits for the second plan. False: given up, or, with a failed `report`, its child has died.
  bool awaitSecondPlan(Report& report);
  /// Reads what the child says until it waits for start, has become the container's program, or has failed.
  bool awaitChild(Report& report, bool untilExec);
  bool receiveFromChild(Report& report, bool& ready, bool& executed);
  /// Waits until the child of a spare was let go on. False: it was given up before.
  bool awaitCommit();
  int endFailed(const Report& report, Fd& reportTo);
  void killChild();
  void reapChild();
  void removeCgroups();

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
  void readNetwork();
  void reportEnd();
  void announceExit();
  void watchAll();
  /// How long the loop may wait for an event; -1 for ever.
  [[nodiscard]] int patience() const;
  [[nodiscard]] bool owesAnything() const;
  [[nodiscard]] bool mayLeave() const;
  static void replyFailure(Connection& connection, int error, const char* step, const char* path);

  PlanView plan_;
  Config config_;
  Standby standby_;
  Spawned child_;
  StdioRelay stdio_;
  Log log_;
  State state_ = State::Created;
  bool childGone_ = false;
  bool recorded_ = false;
  bool settled_ = false;  ///< it runs for a while: what only the start needed is given back
  bool heard_ = false;    ///< somebody has attached, or nobody will: output that no log keeps is held until then
  Instant created_;
  ExitStatus exit_;
  FinalCounters counters_;
  Fd epoll_;
  Fd listener_;
  Fd network_;   ///< counters of the child's network namespace, which stays for as long as they are open
  Fd reportTo_;  ///< whoever started this hears of the end, too
  Connection* inputFrom_ = nullptr;
};

}  // namespace granule

#include "monitor/monitor.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace granule {

namespace {

/// Gives back the mapping of the code and constants that only the start needed; the little that the loop uses comes
/// back by itself, from the one memfd that all monitors share. Segments that were written to stay.
void releaseStartup() {
  constexpr std::uintptr_t page = 4096;
  const auto* segment = reinterpret_cast<const ElfW(Phdr)*>(::getauxval(AT_PHDR));
  for (unsigned long left = ::getauxval(AT_PHNUM); left > 0; --left, ++segment) {
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = segment->p_vaddr & ~(page - 1);
    ::madvise(reinterpret_cast<void*>(begin), segment->p_vaddr + segment->p_memsz - begin, MADV_DONTNEED);
  }
}

/// A container that lives for less costs less with what its start brought into memory left there.
constexpr int kSettleMilliseconds = 500;

/// How long the end is held for a client that is connected and has not asked for it yet, and the network namespace for
/// an owner that has heard of the end and wants it dismantled later.
constexpr int kLingerMilliseconds = 500;

/// How long output that no log keeps waits for the one who asked for the process to attach.
constexpr int kHearingMilliseconds = 10'000;

/// A few chunks a turn, so that an endless writer leaves the other stream and the clients their share.
constexpr int kChunksATurn = 8;

/// The most that a pipe holds (pipe(7), pipe-max-size), in chunks.
constexpr int kChunksOfPipe = 1024 * 1024 / StdioRelay::kChunkBytes;

enum Source : std::uint64_t { kListener, kOwner, kChild, kStdout, kStderr, kStdin, kFirstConnection };

std::array<Connection, 32> connections;
ConnectionBuffers buffers[32];
char chunk[StdioRelay::kChunkBytes];

/// Which descriptor is watched for what; epoll is told of changes only.
struct Watch {
  int descriptor = -1;
  std::uint32_t events = 0;
};
std::array<Watch, kFirstConnection + 32> watches;

/// `descriptor` -1: it was closed, and epoll let go of it by itself; its number may be another's by now, so that
/// nothing is done by number. No `events`: it is open and not watched for now.
void watch(const Fd& epoll, std::uint64_t source, int descriptor, std::uint32_t events) {
  Watch& now = watches[source];
  if (now.descriptor != descriptor) now = {};
  if (descriptor < 0 || now.events == events) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = source;
  const int operation = events == 0 ? EPOLL_CTL_DEL : now.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  ::epoll_ctl(epoll.get(), operation, descriptor, &event);
  now = {descriptor, events};
}

}  // namespace

void Monitor::loop() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  while (!mayLeave()) {
    watchAll();
    std::array<epoll_event, 16> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), patience());
    if (recorded_ && count == 0 && !owesAnything()) break;
    if (count == 0 && !settled_) {
      settled_ = true;
      releaseStartup();
    } else if (count == 0) {
      heard_ = true;
    }
    for (int index = 0; index < count; ++index) handle(events[static_cast<std::size_t>(index)].data.u64);
    pump(kChunksATurn);
    if (childGone_ && !recorded_) recordExit();
    for (Connection& connection : connections) {
      if (!connection.open()) continue;
      if (connection.waitsToWrite()) connection.flush();
      if (connection.open() && connection.behind()) connection.catchUp(log_);
    }
    if (recorded_) announceExit();
  }
}

int Monitor::patience() const {
  if (recorded_) return kLingerMilliseconds;
  if (!settled_) return kSettleMilliseconds;
  if (log_.enabled()) return hasRoom() ? -1 : Connection::kPatienceMilliseconds;
  return heard_ ? -1 : kHearingMilliseconds;
}

void Monitor::watchAll() {
  watch(epoll_, kListener, listener_.get(), EPOLLIN);
  watch(epoll_, kChild, child_.pidfd.get(), childGone_ ? 0U : static_cast<std::uint32_t>(EPOLLIN));
  const std::uint32_t reading = hasRoom() ? static_cast<std::uint32_t>(EPOLLIN) : 0U;
  const std::uint32_t writing = stdio_.inputPending() ? static_cast<std::uint32_t>(EPOLLOUT) : 0U;
  if (stdio_.terminal()) {
    watch(epoll_, kStdout, stdio_.outputDescriptor(), reading | writing);
  } else {
    watch(epoll_, kStdout, stdio_.outputDescriptor(), reading);
    watch(epoll_, kStderr, stdio_.errorsDescriptor(), reading);
    watch(epoll_, kStdin, stdio_.inputDescriptor(), writing);
  }
  for (std::size_t index = 0; index < connections.size(); ++index) {
    const Connection& connection = connections[index];
    const bool paused = stdio_.inputPending() && (connection.attached & 1) != 0;
    const std::uint32_t wanted = (paused ? 0U : static_cast<std::uint32_t>(EPOLLIN)) |
                                 (connection.waitsToWrite() ? static_cast<std::uint32_t>(EPOLLOUT) : 0U) | EPOLLRDHUP;
    watch(epoll_, kFirstConnection + index, connection.descriptor(), wanted);
  }
}

void Monitor::handle(std::uint64_t source) {
  if (source == kListener) return acceptConnection();
  if (source == kChild) return childEnded();
  if (source == kOwner) return reportTo_.reset();
  if (source == kStdin || (source == kStdout && stdio_.inputPending())) {
    stdio_.pushInput();
    const auto taken = static_cast<std::uint32_t>(stdio_.takeWritten());
    if (inputFrom_ != nullptr && inputFrom_->open()) {
      if (taken > 0) inputFrom_->send(Message::Credit, &taken, sizeof taken);
      if (!stdio_.inputPending()) serve(*inputFrom_);
    }
    return;
  }
  if (source < kFirstConnection) return;  // output: pump() reads it
  Connection& connection = connections[source - kFirstConnection];
  if (!connection.open()) return;
  connection.flush();
  if (!connection.open() || (stdio_.inputPending() && (connection.attached & 1) != 0)) return;
  if (!connection.receive()) {
    // A peer that closed keeps nothing of it; input it had sent was served before.
    if (inputFrom_ == &connection) inputFrom_ = nullptr;
    connection.close();
    return;
  }
  serve(connection);
}

void Monitor::acceptConnection() {
  for (;;) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) return;
    const auto free = std::find_if(connections.begin(), connections.end(),
                                   [](const Connection& connection) { return !connection.open(); });
    if (free == connections.end()) continue;
    const auto index = static_cast<std::size_t>(free - connections.begin());
    free->accept(std::move(socket), buffers[index]);
    watches[kFirstConnection + index] = {};  // the same number may have been the slot's last connection
  }
}

bool Monitor::hasRoom() const {
  if (!heard_ && !log_.enabled()) return false;
  return std::all_of(connections.begin(), connections.end(), [this](const Connection& connection) {
    return !connection.open() || connection.hasRoomFor(sizeof chunk, log_);
  });
}

std::size_t Monitor::relay(Stream stream) {
  const std::size_t bytes = stdio_.read(stream, chunk);
  if (bytes == 0) return 0;
  const LogPosition before = log_.position();
  log_.write(stream, chunk, bytes);
  for (Connection& connection : connections) {
    if (connection.open()) connection.output(stream, chunk, bytes, before, log_);
  }
  return bytes;
}

bool Monitor::pump(int chunks) {
  for (const Stream stream : {Stream::Stdout, Stream::Stderr}) {
    for (int turn = 0; turn < chunks; ++turn) {
      if (!hasRoom()) return false;
      if (relay(stream) == 0) break;
    }
  }
  return true;
}

void Monitor::childEnded() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(child_.pidfd.get()), &info, WEXITED | __WALL) != 0) return;
  exit_.finished = Instant::now();
  if (info.si_code == CLD_EXITED) {
    exit_.code = info.si_status;
  } else {
    exit_.signal = info.si_status;
  }
  childGone_ = true;
  state_ = State::Stopped;
}

void Monitor::recordExit() {
  // All of the container's processes died with its first one, so what the pipes hold is all there will be. A process
  // that entered may leave others behind that go on writing: no more is taken than a pipe can hold.
  if (!pump(kChunksOfPipe)) return;
  if (config_.cgroup != nullptr) readCounters(config_.cgroup, counters_);
  plan_.each([this](const OpView& op) {
    if (op.kind() == Op::CgroupJoin) readCounters(op.first(), counters_);
    return true;
  });
  readNetwork();
  exit_.oomKilled = counters_.oomKills != UINT64_MAX && counters_.oomKills > 0;
  exit_.lostLogBytes = log_.lostBytes();
  writeExitRecord(config_.exitRecord, exit_, counters_, nullptr);
  leaveSocket();
  recorded_ = true;
  reportEnd();
}

void Monitor::readNetwork() {
  std::size_t length = 0;
  ssize_t got = 0;
  // Files of /proc come a page at a time.
  while (network_.valid() && (got = ::read(network_.get(), chunk + length, sizeof chunk - 1 - length)) > 0) {
    length += static_cast<std::size_t>(got);
  }
  if (length == 0) return;
  chunk[length] = '\0';
  sumNetwork(chunk, counters_);
}

void Monitor::reportEnd() {
  EndReport report;
  report.code = exit_.code;
  report.signal = exit_.signal;
  report.oomKilled = exit_.oomKilled ? 1 : 0;
  report.startedNs = exit_.started.wallNs;
  report.startedBootNs = exit_.started.bootNs;
  report.finishedNs = exit_.finished.wallNs;
  report.finishedBootNs = exit_.finished.bootNs;
  report.counters = counters_;
  // Whoever is gone, or does not want it, reads the record.
  const bool told = ::write(reportTo_.get(), &report, sizeof report) == sizeof report;
  if (!told) return reportTo_.reset();
  // The other end's closing is an error on this one, which epoll tells of unasked.
  epoll_event event{};
  event.data.u64 = kOwner;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, reportTo_.get(), &event);
}

void Monitor::leaveSocket() {
  // Before anybody hears of the end: the container's next start makes a socket of the same name.
  ::unlink(config_.socket);
  acceptConnection();
  listener_.reset();
}

void Monitor::announceExit() {
  std::array<std::uint8_t, 41> payload{};
  std::uint8_t* at = payload.data();
  const auto put = [&at](const auto& value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(exit_.code);
  put(exit_.signal);
  put(static_cast<std::uint8_t>(exit_.oomKilled));
  put(exit_.started.wallNs);
  put(exit_.finished.wallNs);
  put(exit_.started.bootNs);
  put(exit_.finished.bootNs);
  for (Connection& connection : connections) {
    if (!connection.open() || connection.exitSent || connection.behind()) continue;
    if (!connection.waitsForExit && connection.attached == 0) continue;
    connection.exitSent = connection.send(Message::Exit, payload.data(), payload.size());
  }
}

bool Monitor::owesAnything() const {
  return std::any_of(connections.begin(), connections.end(), [](const Connection& connection) {
    const bool exitOwed = (connection.waitsForExit || connection.attached != 0) && !connection.exitSent;
    return connection.open() && (exitOwed || connection.behind() || connection.waitsToWrite());
  });
}

bool Monitor::mayLeave() const {
  // One that is connected and has not heard of the exit may be about to ask.
  return recorded_ && !reportTo_.valid() && !owesAnything() &&
         std::none_of(connections.begin(), connections.end(),
                      [](const Connection& connection) { return connection.open() && !connection.exitSent; });
}

}  // namespace granule

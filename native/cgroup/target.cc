#include "cgroup/target.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <iterator>
#include <string_view>

#include "cgroup/parse.h"

namespace granule {

namespace {

/// Larger than what a file of a cgroup or a namespace with a few hundred devices prints.
constexpr std::size_t kBufferBytes = 64 * 1024;

constexpr double kUsecPerNsec = 1e-3;

Fd openIn(const std::string& folder, const char* name) {
  if (folder.empty()) return Fd();
  const std::string path = folder + "/" + name;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno != ENOENT && errno != EOPNOTSUPP) throw OpenFailure{errno, path};
  return Fd(descriptor);
}

/// Whether a value is what it was a row before; an absent one tells nothing.
bool unchanged(const Row* before, const Row& row, Column column) {
  return before != nullptr && (*before)[column] == row[column];
}

/// The text of a file from its start; empty where it is not open or its cgroup is gone. `ok` tells those from a file
/// without a line.
class Text {
 public:
  explicit Text(const Fd& fd) {
    if (!fd.valid()) return;
    ssize_t got = 0;
    std::size_t length = 0;
    // Files of /proc come a page at a time.
    while (length < kBufferBytes &&
           (got = pread(fd.get(), buffer_ + length, kBufferBytes - length, static_cast<off_t>(length))) > 0) {
      length += static_cast<std::size_t>(got);
      if (length < kShortRead) break;
    }
    ok = got >= 0;
    view = std::string_view(buffer_, length);
  }

  bool ok = false;
  std::string_view view;

 private:
  /// The kernel hands over whole lines up to a page in one read: a shorter one was all.
  static constexpr std::size_t kShortRead = 2048;

  char buffer_[kBufferBytes];
};

}  // namespace

Target::Target(double key, const TargetPaths& paths)
    : key_(key),
      memoryV1_(!paths.memory.empty()),
      cpuStat_(openIn(paths.unified, "cpu.stat")),
      cpuacctUsage_(cpuStat_.valid() ? Fd() : openIn(paths.cpuacct, "cpuacct.usage")),
      cpuV1Stat_(openIn(paths.cpu, "cpu.stat")),
      memoryCurrent_(memoryV1_ ? openIn(paths.memory, "memory.usage_in_bytes")
                               : openIn(paths.unified, "memory.current")),
      memoryPeak_(memoryV1_ ? openIn(paths.memory, "memory.max_usage_in_bytes") : openIn(paths.unified, "memory.peak")),
      memoryStat_(openIn(memoryV1_ ? paths.memory : paths.unified, "memory.stat")),
      memoryEvents_(memoryV1_ ? openIn(paths.memory, "memory.oom_control") : openIn(paths.unified, "memory.events")),
      pids_(openIn(paths.pids.empty() ? paths.unified : paths.pids, "pids.current")),
      ioStat_(openIn(paths.unified, "io.stat")),
      blkioBytes_(openIn(paths.blkio, "blkio.throttle.io_service_bytes_recursive")),
      blkioOperations_(openIn(paths.blkio, "blkio.throttle.io_serviced_recursive")),
      pressure_{openIn(paths.unified, "cpu.pressure"), openIn(paths.unified, "memory.pressure"),
                openIn(paths.unified, "io.pressure")} {
  if (paths.pid > 0) netDev_ = openIn("/proc/" + std::to_string(paths.pid), "net/dev");
}

Row Target::read(const Row* before) const {
  Row row;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  row[Column::Key] = key_;
  row[Column::TimeSec] = static_cast<double>(now.tv_sec);
  row[Column::TimeNsec] = static_cast<double>(now.tv_nsec);
  readCpu(before, row);
  readMemory(before, row);
  readPids(before, row);
  readIo(row);
  if (const Text text(netDev_); text.ok) parseNetDev(text.view, row);
  constexpr Column kFirst[] = {Column::CpuSomeAvg10, Column::MemorySomeAvg10, Column::IoSomeAvg10};
  for (std::size_t i = 0; i < std::size(kFirst); ++i) {
    if (const Text text(pressure_[i]); text.ok) parsePressure(text.view, kFirst[i], row);
  }
  return row;
}

void Target::readCpu(const Row* before, Row& row) const {
  static constexpr Field kV2[] = {
      {"usage_usec", Column::UsageUsec},
      {"user_usec", Column::UserUsec},
      {"system_usec", Column::SystemUsec},
      {"throttled_usec", Column::ThrottledUsec},
  };
  static constexpr Field kV1[] = {{"throttled_time", Column::ThrottledUsec, kUsecPerNsec}};
  if (const Text text(cpuStat_); text.ok) parseKeyed(text.view, kV2, std::size(kV2), row);
  if (const Text text(cpuacctUsage_); text.ok) parseNumber(text.view, Column::UsageUsec, kUsecPerNsec, row);
  // Throttled time is counted when a group that ran into its quota runs again.
  if (cpuV1Stat_.valid() && unchanged(before, row, Column::UsageUsec)) {
    row[Column::ThrottledUsec] = (*before)[Column::ThrottledUsec];
  } else if (const Text text(cpuV1Stat_); text.ok) {
    parseKeyed(text.view, kV1, std::size(kV1), row);
  }
}

void Target::readMemory(const Row* before, Row& row) const {
  static constexpr Field kV2[] = {
      {"anon", Column::MemoryAnon}, {"file", Column::MemoryFile}, {"inactive_file", Column::MemoryInactiveFile}};
  static constexpr Field kV1[] = {{"total_rss", Column::MemoryAnon},
                                  {"total_cache", Column::MemoryFile},
                                  {"total_inactive_file", Column::MemoryInactiveFile}};
  static constexpr Field kEvents[] = {{"oom_kill", Column::OomKills}};
  if (const Text text(memoryCurrent_); text.ok) parseNumber(text.view, Column::MemoryCurrent, 1, row);
  if (unchanged(before, row, Column::UsageUsec) && unchanged(before, row, Column::MemoryCurrent)) {
    for (const Column column :
         {Column::MemoryPeak, Column::MemoryAnon, Column::MemoryFile, Column::MemoryInactiveFile, Column::OomKills}) {
      row[column] = (*before)[column];
    }
    return;
  }
  if (const Text text(memoryPeak_); text.ok) parseNumber(text.view, Column::MemoryPeak, 1, row);
  if (const Text text(memoryStat_); text.ok) parseKeyed(text.view, memoryV1_ ? kV1 : kV2, 3, row);
  if (const Text text(memoryEvents_); text.ok) parseKeyed(text.view, kEvents, std::size(kEvents), row);
}

void Target::readPids(const Row* before, Row& row) const {
  // Whoever forks, exits or is moved in has to run for it.
  if (unchanged(before, row, Column::UsageUsec) && !std::isnan((*before)[Column::Pids])) {
    row[Column::Pids] = (*before)[Column::Pids];
  } else if (const Text text(pids_); text.ok) {
    parseNumber(text.view, Column::Pids, 1, row);
  }
}

void Target::readIo(Row& row) const {
  if (const Text text(ioStat_); text.ok) parseIoStat(text.view, row);
  if (const Text text(blkioBytes_); text.ok) {
    parseBlkio(text.view, Column::IoReadBytes, Column::IoWriteBytes, row);
  }
  if (const Text text(blkioOperations_); text.ok) parseBlkio(text.view, Column::IoReads, Column::IoWrites, row);
}

}  // namespace granule

#include "monitor/exit_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "kernel/fd.h"
#include "kernel/text.h"

namespace granule {

namespace {

/// A small control file as text; false where the host does not have it.
bool readFile(const char* folder, const char* name, char (&text)[4096], bool mayBeEmpty = false) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s/%s", folder, name);
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  const ssize_t got = ::read(file.get(), text, sizeof text - 1);
  if (got < 0 || (got == 0 && !mayBeEmpty)) return false;
  text[got] = '\0';
  return true;
}

/// The number behind `key` in a flat-keyed file.
void readKey(const char* text, const char* key, std::uint64_t& value, std::uint64_t divisor = 1) {
  const std::size_t length = std::strlen(key);
  for (const char* line = text; line != nullptr && *line != '\0';) {
    if (std::strncmp(line, key, length) == 0 && line[length] == ' ') {
      value = parseNumber(line + length + 1) / divisor;
      return;
    }
    line = std::strchr(line, '\n');
    if (line != nullptr) ++line;
  }
}

/// Adds up `key=number` over the devices of an io.stat (kernel: cgroup-v2.rst); a file without a line is no io at all.
void sumKey(const char* text, const char* key, std::uint64_t& sum) {
  sum = 0;
  const std::size_t length = std::strlen(key);
  for (const char* at = std::strstr(text, key); at != nullptr; at = std::strstr(at + length, key)) {
    if (at != text && at[-1] == ' ' && at[length] == '=') sum += parseNumber(at + length + 1);
  }
}

class RecordText {
 public:
  void put(const char* key, long long value) { append("%s %lld\n", key, value); }
  void putKnown(const char* key, std::uint64_t value) {
    if (value != UINT64_MAX) append("%s %llu\n", key, static_cast<unsigned long long>(value));
  }
  void putText(const char* key, const char* value) {
    append("%s ", key);
    // One line a key, whatever bytes a path has.
    for (; *value != '\0' && used_ + 2 < sizeof text_; ++value) text_[used_++] = *value == '\n' ? '?' : *value;
    append("\n");
  }
  [[nodiscard]] const char* text() const { return text_; }
  [[nodiscard]] std::size_t bytes() const { return used_; }

 private:
  template <typename... Values>
  void append(const char* format, Values... values) {
    const int written = std::snprintf(text_ + used_, sizeof text_ - used_, format, values...);
    if (written > 0) used_ += static_cast<std::size_t>(written);
    if (used_ >= sizeof text_) used_ = sizeof text_ - 1;
  }

  char text_[2048] = {};
  std::size_t used_ = 0;
};

}  // namespace

void readCounters(const char* folder, FinalCounters& counters) {
  char text[4096];
  if (readFile(folder, "cpu.stat", text)) {
    readKey(text, "usage_usec", counters.cpuUsec);
    readKey(text, "user_usec", counters.userUsec);
    readKey(text, "system_usec", counters.systemUsec);
    readKey(text, "throttled_usec", counters.throttledUsec);
    readKey(text, "throttled_time", counters.throttledUsec, 1000);  // v1 counts nanoseconds
  }
  if (readFile(folder, "memory.peak", text) || readFile(folder, "memory.max_usage_in_bytes", text)) {
    counters.memoryPeakBytes = parseNumber(text);
  }
  if (readFile(folder, "memory.events", text) || readFile(folder, "memory.oom_control", text)) {
    readKey(text, "oom_kill", counters.oomKills);
  }
  if (readFile(folder, "io.stat", text, true)) {
    sumKey(text, "rbytes", counters.ioReadBytes);
    sumKey(text, "wbytes", counters.ioWriteBytes);
    sumKey(text, "rios", counters.ioReads);
    sumKey(text, "wios", counters.ioWrites);
  }
}

void sumNetwork(const char* text, FinalCounters& counters) {
  constexpr int kReceivedToSent = 8;
  counters.rxBytes = counters.txBytes = 0;
  for (const char* colon = std::strchr(text, ':'); colon != nullptr; colon = std::strchr(colon + 1, ':')) {
    if (colon - text >= 2 && colon[-1] == 'o' && colon[-2] == 'l' && (colon - text == 2 || colon[-3] == ' ')) continue;
    const char* at = colon + 1;
    for (int column = 0; column <= kReceivedToSent; ++column) {
      while (*at == ' ') ++at;
      if (column == 0) counters.rxBytes += parseNumber(at);
      if (column == kReceivedToSent) counters.txBytes += parseNumber(at);
      while (*at >= '0' && *at <= '9') ++at;
    }
  }
}

int writeExitRecord(const char* path, const ExitStatus& status, const FinalCounters& counters, const Report* failure) {
  RecordText record;
  if (failure != nullptr) {
    record.putText("failedStep", stepName(failure->step));
    record.put("failedErrno", failure->error);
    record.putText("failedPath", failure->path);
  } else {
    record.put("code", status.code);
    record.put("signal", status.signal);
    record.put("oomKilled", status.oomKilled ? 1 : 0);
    record.put("startedNs", static_cast<long long>(status.started.wallNs));
    record.put("finishedNs", static_cast<long long>(status.finished.wallNs));
    record.put("startedBootNs", static_cast<long long>(status.started.bootNs));
    record.put("finishedBootNs", static_cast<long long>(status.finished.bootNs));
    eachCounter(counters, [&record](const char* name, std::uint64_t value) { record.putKnown(name, value); });
    if (status.lostLogBytes > 0) record.put("lostLogBytes", static_cast<long long>(status.lostLogBytes));
  }
  char temporary[PATH_MAX];
  std::snprintf(temporary, sizeof temporary, "%s.tmp", path);
  const Fd file(::open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return errno;
  if (::write(file.get(), record.text(), record.bytes()) != static_cast<ssize_t>(record.bytes())) return errno;
  if (::fdatasync(file.get()) != 0 || ::rename(temporary, path) != 0) return errno;
  char folder[PATH_MAX];
  std::snprintf(folder, sizeof folder, "%s", path);
  char* slash = std::strrchr(folder, '/');
  if (slash != nullptr) *slash = '\0';
  const Fd parent(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return parent.valid() && ::fsync(parent.get()) == 0 ? 0 : errno;
}

}  // namespace granule

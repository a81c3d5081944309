#include "monitor/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "kernel/text.h"
#include "monitor/clock.h"

namespace granule {

namespace {

constexpr std::size_t kHeaderBytes = 40;  // time, stream, tag and their blanks
constexpr std::size_t kBufferBytes = 128 * 1024;
char buffer[kBufferBytes];

constexpr std::uint64_t kDaysToMarch0000 = 719'468;  // from 0000-03-01 to 1970-01-01
constexpr std::uint64_t kDaysOf400Years = 146'097;

/// "2026-11-23T09:00:00": the civil date of a time, years counted from March so that the leap day comes last.
Text<24> formatSecond(std::uint64_t seconds) {
  const std::uint64_t days = seconds / 86'400 + kDaysToMarch0000;
  const std::uint64_t time = seconds % 86'400;
  const std::uint64_t era = days / kDaysOf400Years;
  const std::uint64_t ofEra = days % kDaysOf400Years;
  const std::uint64_t yearOfEra = (ofEra - ofEra / 1'460 + ofEra / 36'524 - ofEra / 146'096) / 365;
  const std::uint64_t ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const std::uint64_t monthFromMarch = (5 * ofYear + 2) / 153;
  const std::uint64_t day = ofYear - (153 * monthFromMarch + 2) / 5 + 1;
  const std::uint64_t month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const std::uint64_t year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  Text<24> text;
  text.number(year, 4).put('-').number(month, 2).put('-').number(day, 2).put('T');
  text.number(time / 3'600, 2).put(':').number(time / 60 % 60, 2).put(':').number(time % 60, 2);
  return text;
}

using Prefix = Text<kHeaderBytes>;

/// "2026-11-23T09:00:00.000000000Z stdout " in 38 bytes.
Prefix formatPrefix(Stream stream) {
  static std::time_t formattedSecond = -1;
  static Text<24> second;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec != formattedSecond) {
    second = formatSecond(static_cast<std::uint64_t>(now.tv_sec));
    formattedSecond = now.tv_sec;
  }
  Prefix prefix;
  prefix.put(second.c_str()).put('.').number(static_cast<std::uint64_t>(now.tv_nsec), 9);
  prefix.put(stream == Stream::Stdout ? "Z stdout " : "Z stderr ");
  return prefix;
}

void rotatedName(char (&name)[PATH_MAX], const char* path, std::uint64_t number) {
  std::snprintf(name, sizeof name, "%s.%llu", path, static_cast<unsigned long long>(number));
}

}  // namespace

bool Log::open(const char* path, std::uint64_t maxBytes, std::uint64_t maxFiles) {
  path_ = path;
  maxBytes_ = maxBytes;
  maxFiles_ = maxFiles;
  // Readable too: a reader that fell behind is served from here.
  file_ = Fd(::open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat status{};
  if (!file_.valid() || ::fstat(file_.get(), &status) != 0) return false;
  offset_ = static_cast<std::uint64_t>(status.st_size);
  return true;
}

void Log::write(Stream stream, const char* data, std::size_t bytes) {
  if (!file_.valid()) return;
  const Prefix prefix = formatPrefix(stream);
  std::size_t used = 0;
  while (bytes > 0) {
    const auto* newline = static_cast<const char*>(std::memchr(data, '\n', bytes));
    const std::size_t text = newline == nullptr ? bytes : static_cast<std::size_t>(newline - data);
    if (used + prefix.size() + text + 3 > kBufferBytes) flush(used);
    std::memcpy(buffer + used, prefix.c_str(), prefix.size());
    used += prefix.size();
    buffer[used++] = newline == nullptr ? 'P' : 'F';
    buffer[used++] = ' ';
    std::memcpy(buffer + used, data, text);
    used += text;
    buffer[used++] = '\n';
    const std::size_t taken = newline == nullptr ? text : text + 1;
    data += taken;
    bytes -= taken;
  }
  flush(used);
}

void Log::flush(std::size_t& used) {
  if (maxFiles_ > 0 && maxBytes_ > 0 && offset_ > 0 && offset_ + used > maxBytes_) rotate();
  std::size_t at = 0;
  while (at < used) {
    const ssize_t written = ::write(file_.get(), buffer + at, used - at);
    if (written < 0) {
      if (errno == EINTR) continue;
      lostBytes_ += used - at;
      break;
    }
    at += static_cast<std::size_t>(written);
    offset_ += static_cast<std::uint64_t>(written);
  }
  used = 0;
}

void Log::rotate() {
  char from[PATH_MAX];
  char to[PATH_MAX];
  for (std::uint64_t number = maxFiles_ - 1; number > 0; --number) {
    rotatedName(to, path_, number);
    if (number > 1) {
      rotatedName(from, path_, number - 1);
    } else {
      std::snprintf(from, sizeof from, "%s", path_);
    }
    if (::rename(from, to) != 0 && errno != ENOENT) return;  // goes on in the file it has
  }
  Fd next(::open(path_, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!next.valid()) return;
  file_ = std::move(next);
  offset_ = 0;
  ++generation_;
}

Fd Log::openGeneration(std::uint64_t generation) const {
  const std::uint64_t back = generation_ - generation;
  if (generation > generation_ || (back > 0 && back >= maxFiles_)) return Fd();
  char name[PATH_MAX];
  if (back == 0) {
    std::snprintf(name, sizeof name, "%s", path_);
  } else {
    rotatedName(name, path_, back);
  }
  return Fd(::open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace granule

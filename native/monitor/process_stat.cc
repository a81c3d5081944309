#include "monitor/process_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "kernel/fd.h"
#include "kernel/text.h"

namespace granule {

std::uint64_t startTicks(pid_t pid) {
  char text[1024];
  Text<32> path;
  path.put("/proc/").number(static_cast<std::uint64_t>(pid)).put("/stat");
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.valid() ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (got <= 0) return 0;
  text[got] = '\0';
  // The name may hold blanks and brackets: count from the last bracket.
  const char* at = std::strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : parseNumber(at + 1);
}

}  // namespace granule

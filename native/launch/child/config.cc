#include "launch/child/config.h"

#include <sys/mman.h>

namespace granule {

namespace {

/// argv and env as exec wants them, in a mapping of their own: after the clone nothing may allocate.
bool readCommand(const OpView& op, Config& config) {
  const std::size_t argc = static_cast<std::size_t>(op.number(0));
  std::size_t strings = 0;
  const char* end = reinterpret_cast<const char*>(op.data()) + op.dataBytes();
  for (const char* at = op.first(); at < end; at = at + std::strlen(at) + 1) ++strings;
  if (argc == 0 || argc > strings) return false;
  // Padding reads as up to seven empty strings; an environment entry is never empty.
  void* memory =
      ::mmap(nullptr, (strings + 2) * sizeof(char*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  config.argv = static_cast<char**>(memory);
  config.env = config.argv + argc + 1;
  std::size_t index = 0;
  char** env = config.env;
  for (const char* at = op.first(); at < end; at = at + std::strlen(at) + 1, ++index) {
    if (index < argc) {
      config.argv[index] = const_cast<char*>(at);
    } else if (*at != '\0') {
      *env++ = const_cast<char*>(at);
    }
  }
  return true;
}

}  // namespace

bool readConfig(const PlanView& plan, Config& config) {
  bool commanded = false;
  config.standsBy = false;
  plan.each([&](const OpView& op) {
    switch (op.kind()) {
      case Op::Namespaces:
        config.cloneFlags = op.number(0);
        break;
      case Op::Cgroup:
        config.cgroup = op.first();
        break;
      case Op::CgroupJoin:
        config.hasJoins = true;
        break;
      case Op::Socket:
        config.socket = op.first();
        break;
      case Op::ExitRecord:
        config.exitRecord = op.first();
        break;
      case Op::Start:
        config.startsAtOnce = op.number(0) != 0;
        break;
      case Op::Log:
        config.logMaxBytes = op.number(0);
        config.logMaxFiles = op.number(1);
        config.log = op.first();
        break;
      case Op::Stdio:
        config.terminal = op.number(0) != 0;
        config.keepsStdin = op.number(1) != 0;
        config.rows = static_cast<unsigned short>(op.number(2));
        config.columns = static_cast<unsigned short>(op.number(3));
        break;
      case Op::SetNamespaces:
        config.enters = true;
        config.target = static_cast<pid_t>(op.number(0));
        config.targetStartTicks = op.number(1);
        config.enterFlags = op.number(2);
        break;
      case Op::Standby:
        config.standsBy = true;
        break;
      case Op::Exec:
        commanded = readCommand(op, config);
        break;
      default:
        break;
    }
    return true;
  });
  if (config.standsBy) return !commanded;
  return commanded && config.socket != nullptr && config.exitRecord != nullptr;
}

}  // namespace granule

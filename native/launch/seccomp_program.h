#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace granule {

/// (argument & mask) == value
struct SeccompCondition {
  std::uint32_t index;
  std::uint64_t mask;
  std::uint64_t value;
};

/// Holds where all of its conditions do; `action` is a SECCOMP_RET_* value.
struct SeccompClause {
  std::vector<SeccompCondition> conditions;
  std::uint32_t action;
};

/// The calls of one ABI. The first clause that holds decides; where none does, the default.
struct SeccompArchitecture {
  std::uint32_t audit;  ///< AUDIT_ARCH_*
  std::map<std::uint32_t, std::vector<SeccompClause>> calls;
};

using BpfProgram = std::vector<sock_filter>;

/// A program for seccomp(2): a balanced search over ranges of call numbers that share their answer. The kernel walks
/// the program once for every number when it is installed, so that a start pays for its depth, and a list of calls
/// has far fewer ranges than calls. An ABI that is not given, and a number that no clause names, get the default.
BpfProgram seccompProgram(const std::vector<SeccompArchitecture>& architectures, std::uint32_t defaultAction);

}  // namespace granule

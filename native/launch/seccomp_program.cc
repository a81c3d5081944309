#include "seccomp_program.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace granule {
namespace {

/// Jumps of BPF are one byte long.
constexpr std::size_t kLongestJump = 255;

struct Range {
  std::uint32_t first;
  std::vector<SeccompClause> clauses;
};

/// A program under construction, from its last instruction to its first: every jump is forward, so that its target
/// is there already. A position counts from the end.
class ReverseProgram {
 public:
  std::size_t answer(std::uint32_t action) {
    for (std::size_t at = code_.size(); at-- > 0 && isNear(at);) {
      if (code_[at].code == (BPF_RET | BPF_K) && code_[at].k == action) return at;
    }
    return push(BPF_STMT(BPF_RET | BPF_K, action));
  }

  std::size_t load(std::size_t offset) {
    return push(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }

  std::size_t mask(std::uint32_t bits) { return push(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)); }

  std::size_t branch(std::uint16_t test, std::uint32_t value, std::size_t yes, std::size_t no) {
    yes = reach(yes);
    no = reach(no);
    return push(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, skip(yes), skip(no)));
  }

  /// `position` itself where the next instruction falls through to it, or else a jump there.
  std::size_t continueAt(std::size_t position) {
    return position + 1 == code_.size() ? position : push(jumpTo(position));
  }

  BpfProgram finish() && {
    std::reverse(code_.begin(), code_.end());
    return std::move(code_);
  }

 private:
  std::size_t push(sock_filter instruction) {
    code_.push_back(instruction);
    return code_.size() - 1;
  }

  sock_filter jumpTo(std::size_t position) const {
    return BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - position - 1));
  }

  /// Leaves room for the two jumps that `reach` may put in between.
  bool isNear(std::size_t position) const { return code_.size() - position + 2 <= kLongestJump; }

  std::size_t reach(std::size_t position) { return isNear(position) ? position : push(jumpTo(position)); }

  std::uint8_t skip(std::size_t position) const { return static_cast<std::uint8_t>(code_.size() - position - 1); }

  BpfProgram code_;
};

/// Goes on at `yes` where half of an argument matches, and at `no` where it does not.
std::size_t compareHalf(ReverseProgram& program, std::size_t offset, std::uint32_t mask, std::uint32_t value,
                        std::size_t yes, std::size_t no) {
  if (mask == 0) return yes;
  program.branch(BPF_JEQ, value, yes, no);
  if (mask != ~0U) program.mask(mask);
  return program.load(offset);
}

std::size_t compare(ReverseProgram& program, const SeccompCondition& condition, std::size_t yes, std::size_t no) {
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const std::size_t offset = offsetof(seccomp_data, args) + condition.index * sizeof(std::uint64_t);
  yes = compareHalf(program, offset, low(condition.mask), low(condition.value), yes, no);
  return compareHalf(program, offset + sizeof(std::uint32_t), high(condition.mask), high(condition.value), yes, no);
}

std::size_t decide(ReverseProgram& program, std::span<const SeccompClause> clauses, std::uint32_t defaultAction) {
  if (clauses.empty()) return program.answer(defaultAction);
  const SeccompClause& clause = clauses.front();
  if (clause.conditions.empty()) return program.answer(clause.action);
  const std::size_t otherwise = decide(program, clauses.subspan(1), defaultAction);
  std::size_t start = program.answer(clause.action);
  for (std::size_t i = clause.conditions.size(); i-- > 0;) {
    start = compare(program, clause.conditions[i], start, otherwise);
  }
  return start;
}

/// Whether both answer every argument with the same action.
bool same(const Range& range, const std::vector<SeccompClause>& clauses) {
  const auto plain = [](const std::vector<SeccompClause>& list) { return list.front().conditions.empty(); };
  return plain(range.clauses) && plain(clauses) && range.clauses.front().action == clauses.front().action;
}

std::vector<Range> rangesOf(const SeccompArchitecture& architecture, std::uint32_t defaultAction) {
  const std::vector<SeccompClause> fallback{{{}, defaultAction}};
  std::vector<Range> ranges{{0, fallback}};
  const auto from = [&ranges](std::uint32_t first, const std::vector<SeccompClause>& clauses) {
    if (ranges.back().first == first) ranges.pop_back();
    if (ranges.empty() || !same(ranges.back(), clauses)) ranges.push_back({first, clauses});
  };
  for (const auto& [number, clauses] : architecture.calls) {
    from(number, clauses);
    from(number + 1, fallback);
  }
  return ranges;
}

std::size_t search(ReverseProgram& program, std::span<const Range> ranges, std::uint32_t defaultAction) {
  if (ranges.size() == 1) return decide(program, ranges.front().clauses, defaultAction);
  const std::size_t middle = ranges.size() / 2;
  const std::size_t above = search(program, ranges.subspan(middle), defaultAction);
  const std::size_t below = search(program, ranges.first(middle), defaultAction);
  return program.branch(BPF_JGE, ranges[middle].first, above, below);
}

}  // namespace

BpfProgram seccompProgram(const std::vector<SeccompArchitecture>& architectures, std::uint32_t defaultAction) {
  ReverseProgram program;
  std::vector<std::size_t> starts;
  for (const auto& architecture : architectures) {
    program.continueAt(search(program, rangesOf(architecture, defaultAction), defaultAction));
    starts.push_back(program.load(offsetof(seccomp_data, nr)));
  }
  std::size_t next = program.answer(defaultAction);
  for (std::size_t i = architectures.size(); i-- > 0;) {
    next = program.branch(BPF_JEQ, architectures[i].audit, starts[i], next);
  }
  program.continueAt(next);
  program.load(offsetof(seccomp_data, arch));
  return std::move(program).finish();
}

}  // namespace granule
